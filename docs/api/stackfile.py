from aiodockercloud import StackFileError, stackfile

file = stackfile.parse(
    """
web:
  image: acme/web:${TAG}
  ports:
    - "8080:80"
  restart: always
  mem_limit: 256m
""",
    environ={"TAG": "2"},
)
[web] = file.services
print(web["image"], web["autorestart"], web["memory"])
print(stackfile.to_stackfile(web))

try:
    stackfile.parse("web:\n  image: acme/web\n  restart: sometimes\n")
except StackFileError as error:
    print(error)
