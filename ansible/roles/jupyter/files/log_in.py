"""Log in to Jupyter as a browser does: log_in.py URL, the password on standard input."""

import http.cookiejar
import sys
import urllib.parse
import urllib.request


def main(url: str, password: str) -> None:
    """Open the list of notebooks, or end with an error."""
    cookies = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    opener.open(f"{url}/login", timeout=120)
    token = next(cookie.value for cookie in cookies if cookie.name == "_xsrf")
    form = urllib.parse.urlencode({"password": password, "_xsrf": token}).encode()
    opener.open(f"{url}/login?next=%2Fapi%2Fstatus", form, timeout=120)
    opener.open(f"{url}/api/contents", timeout=120)


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.read().strip())
