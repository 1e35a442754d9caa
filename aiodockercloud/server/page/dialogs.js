// Dialogs: a question before what cannot be undone, a number, a stack file.

import { focusKeeper, h } from "./dom.js";

const EXAMPLE = `web:
  image: dockercloud/hello-world
  ports:
    - "80"
  target_num_containers: 2
`;

/**
 * Ask in a dialog until it is closed or its submission succeeds.
 *
 * @param {object} form The title, the text, the fields, the text of the button, whether
 *   the button is dangerous, and what is done with the values. An error that is thrown
 *   there is shown in the dialog.
 */
function ask({ title, text, fields = [], button, danger, submit, wide }) {
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const confirm = h("button", { class: danger ? "danger solid" : "primary", type: "submit" }, button);
  const cancel = h("button", { class: "plain", type: "button" }, "Cancel");
  const form = h("form", { method: "dialog" },
    h("h2", { id: "dialog-title" }, title), text && h("p", { class: "quiet" }, text), fields, problem,
    h("div", { class: "ends" }, cancel, confirm));
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", class: wide ? "wide" : null }, form);
  const restore = focusKeeper();
  document.body.append(dialog);
  dialog.onclose = () => {
    dialog.remove();
    restore();
  };
  cancel.onclick = () => dialog.close();
  form.onsubmit = async (event) => {
    event.preventDefault();
    confirm.disabled = true;
    problem.hidden = true;
    try {
      await submit(Object.fromEntries(new FormData(form)));
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
    confirm.disabled = false;
  };
  dialog.showModal();
  // What is least harmful, or what is to be filled in.
  (form.querySelector("input, textarea") ?? cancel).focus();
  return { dialog, form, confirm };
}

export function askToTerminate(kind, name, submit) {
  const what = {
    stack: "All its services, their containers and their volumes are removed.",
    service: "Its containers and their volumes are removed.",
    container: "The container and its volumes are removed.",
    node: "The node is removed from the cloud, with its containers.",
  }[kind];
  ask({ title: `Terminate ${name}?`, text: `${what} This cannot be undone.`, button: "Terminate", danger: true, submit });
}

export function askToScale(name, number, submit) {
  const { form } = ask({
    title: `Scale ${name}`,
    fields: [h("label", null, "Number of containers", h("input", {
      name: "number", type: "number", min: "0", step: "1", value: String(number), required: true, inputmode: "numeric",
    }))],
    button: "Scale",
    submit: (values) => submit(Number(values.number)),
  });
  form.elements.number.select();
}

/**
 * Ask for a stack file.
 *
 * @param {(name: string) => boolean} exists Whether a stack of this name exists.
 */
export function askForStack(exists, submit) {
  const { form, confirm } = ask({
    title: "Deploy a stack",
    text: "Paste a stack file, docker-cloud.yml or tutum.yml, or a Compose file.",
    wide: true,
    fields: [
      h("label", null, "Name", h("input", { name: "name", autocomplete: "off", autocapitalize: "none", spellcheck: "false", required: true })),
      h("label", null, "Stack file", h("textarea", { name: "file", rows: "12", spellcheck: "false", autocapitalize: "none", placeholder: EXAMPLE, required: true })),
      h("p", { class: "quiet hint", role: "status" }),
    ],
    button: "Deploy",
    submit: ({ name, file }) => submit(name.trim(), file),
  });
  form.elements.name.oninput = ({ target }) => {
    const known = exists(target.value.trim());
    confirm.textContent = known ? "Update and redeploy" : "Deploy";
    form.querySelector(".hint").textContent = known
      ? "A stack of this name exists: its services are updated, and all are redeployed." : "";
  };
}
