// Text with the escape sequences of terminals: colours are shown, the rest is left out.

// Control sequences, operating system commands, and other escapes.
const SEQUENCE = /\x1b\[([0-9;?]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]/g;

/** Return the nodes of a text: text, and spans whose classes name colours. */
export function coloured(text) {
  if (!text.includes("\x1b")) return [document.createTextNode(plain(text))];
  const nodes = [];
  let classes = new Set();
  let from = 0;
  const add = (piece) => {
    if (!piece) return;
    const span = document.createElement("span");
    span.className = [...classes].join(" ");
    span.textContent = plain(piece);
    nodes.push(span);
  };
  for (const match of text.matchAll(SEQUENCE)) {
    add(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === "m") classes = styled(classes, match[1]);
  }
  add(text.slice(from));
  return nodes;
}

/** Return a text without control characters, and what follows the last return of a line. */
function plain(text) {
  return text.replace(/[^\n]*\r(?!\n)/g, "").replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "");
}

function styled(classes, parameters) {
  const found = new Set(classes);
  const codes = parameters.split(";").map(Number);
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i];
    const dye = code >= 30 && code <= 37 ? code - 30 : code >= 90 && code <= 97 ? code - 90 : null;
    if (code === 0) found.clear();
    else if (code === 1) found.add("bold");
    else if (code === 22) found.delete("bold");
    else if (dye !== null || code === 39) {
      for (const name of found) if (name.startsWith("ansi-")) found.delete(name);
      if (dye !== null) found.add(`ansi-${dye}`);
    } else if (code === 38 || code === 48) i += codes[i + 1] === 5 ? 2 : 4;
  }
  return found;
}
