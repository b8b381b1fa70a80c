"""Visit the page as a browser does, until it is awake: visit.py URL SECONDS. Prints its state."""

import sys
import time
import urllib.error
import urllib.request

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # not by http_proxy
url, deadline = sys.argv[1], time.monotonic() + float(sys.argv[2])
while True:
    try:
        with direct.open(f"{url}state", timeout=60) as response:
            print(response.read().decode())
        break
    except urllib.error.HTTPError as error:
        told = error.read().decode(errors="replace")
        if error.code != 503:
            sys.exit(f"{url}: {error.code} {told}")
    except OSError as error:
        told = str(error)
    if time.monotonic() > deadline:
        sys.exit(f"{url}: {told}")
    time.sleep(1)
