"""NetworkManager's keyfile format, in which the profiles of connections are stored.

References
----------
https://networkmanager.dev/docs/api/latest/nm-settings-keyfile.html
"""


def escape(value: str) -> str:
    r"""Write a text so that GKeyFile reads it back: backslashes, and spaces at either end.

    GKeyFile drops the spaces before a value, and knows no escape but ``\s \n \t \r \\``.
    """
    text = value.replace("\\", "\\\\")
    inner = text.strip(" ")
    start = len(text) - len(text.lstrip(" "))
    return "\\s" * start + inner + "\\s" * (len(text) - start - len(inner))


def ssid(name: str) -> str:
    """Write a network's name as a list of bytes, the one form that has no special cases.

    As text, ``12;34;`` would be such a list itself; and imager_custom would take ``-h`` for an
    option.
    """
    return "".join(f"{byte};" for byte in name.encode())
