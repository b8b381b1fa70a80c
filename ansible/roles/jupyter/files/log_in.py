"""Log in to Jupyter as a browser does: log_in.py URL [CERTIFICATE], the password on standard input.

With a certificate, the server must present it, and it must not have expired.
"""

import http.cookiejar
import ssl
import sys
import urllib.parse
import urllib.request


def main(url: str, certificate: str, password: str) -> None:
    """Get the list of notebooks, or raise the error."""
    cookies = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(cookies),
        urllib.request.HTTPSHandler(context=trust(certificate) if certificate else None),
    )
    opener.open(f"{url}/login", timeout=120)
    token = next(cookie.value for cookie in cookies if cookie.name == "_xsrf")
    form = urllib.parse.urlencode({"password": password, "_xsrf": token}).encode()
    opener.open(f"{url}/login?next=%2Fapi%2Fstatus", form, timeout=120)
    opener.open(f"{url}/api/contents", timeout=120)


def trust(certificate: str) -> ssl.SSLContext:
    """Return a TLS context that trusts this certificate alone, whatever its host name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate)
    return context


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "", sys.stdin.read().strip())
