#!/usr/bin/python
"""Install several files and folders with one module: on a Pi Zero, each takes seconds to start."""

import os
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes

DOCUMENTATION = """
module: install_files
short_description: Install several small files and folders
description:
  - Like M(ansible.builtin.copy) and M(ansible.builtin.file), for a list of them.
  - Each file has the old content or the new at any moment, also when the power fails.
options:
  files:
    description: In this order. An entry without O(files[].content) is a folder.
    type: list
    elements: dict
    required: true
    suboptions:
      path: {description: Where it goes, type: path, required: true}
      content: {description: The text of a file, type: str}
      mode: {description: Permissions such as C("0644") or C(u+rwx), type: raw, required: true}
      owner: {description: Owner; by default as it is, type: str}
      group: {description: Group; by default as it is, type: str}
attributes:
  check_mode: {support: full}
  diff_mode: {support: full}
"""

OPTIONS = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str", "no_log": False},
    "mode": {"type": "raw", "required": True},
    "owner": {"type": "str"},
    "group": {"type": "str"},
}


def main() -> None:
    """Install what differs; report the paths that changed."""
    module = AnsibleModule(
        {"files": {"type": "list", "elements": "dict", "required": True, "options": OPTIONS}},
        supports_check_mode=True,
    )
    installed, differences = [], []
    for entry in module.params["files"]:
        try:
            difference = install(module, **entry)
        except OSError as error:
            module.fail_json(msg=f"could not install {entry['path']}: {error}")
        if difference:
            installed.append(entry["path"])
            differences.append(difference)
    module.exit_json(changed=bool(installed), installed=installed, diff=differences)


def install(module, path, content, mode, owner, group):
    """Install one file or folder; return its difference for --diff, or None."""
    before = read(path)
    wanted = None if content is None else to_bytes(content)
    is_new = not Path(path).is_dir() if content is None else before != wanted
    if is_new and not module.check_mode:
        if content is None:
            Path(path).mkdir(parents=True)
        else:
            write(path, wanted)
    is_there = os.path.lexists(path)
    attributes = {"path": path, "mode": mode, "owner": owner, "group": group}
    arguments = module.load_file_common_arguments({**attributes, "attributes": None})
    changed = is_there and module.set_fs_attributes_if_different(arguments, False)
    if not is_new and not changed:
        return None
    texts = {"before": before or b"", "after": before or b"" if not is_new else wanted or b""}
    headers = {f"{name}_header": path for name in texts}
    return {**{name: text.decode(errors="replace") for name, text in texts.items()}, **headers}


def read(path):
    """Return a file's content; None if there is none."""
    return Path(path).read_bytes() if Path(path).is_file() else None


def write(path, content):
    """Write a file so that its path has the old content or the new."""
    handle, temporary = tempfile.mkstemp(dir=Path(path).parent, prefix=".")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)


if __name__ == "__main__":
    main()
