# ruff: noqa: T201
import zhenwei

try:
    zhenwei.examine("docs/index.md")
except zhenwei.MediaError as error:
    print(error.what)
    print(error.fix)
