"""Check that a file holds a certificate and its key, as a server needs them: FILE."""

import ssl
import sys


def main(path: str) -> None:
    """Load them as the server will, or exit with the reason."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, password="")
    except (OSError, ValueError) as error:
        sys.exit(f"{path}: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
