"""A loopback server of one file that misbehaves as it is told: each function below is a way to answer a request."""
import gzip
import hashlib
import re
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 4000          # about 1 MB, several chunks
SIZE = len(CONTENT)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PAGE = b"<!DOCTYPE html><html><body>Log in to the network</body></html>"


class Server(ThreadingHTTPServer):
    """Answers the n-th request with the n-th of `behaviours`, the last of them from then on."""
    daemon_threads = True
    block_on_close = False

    def __init__(self, *behaviours, content=CONTENT):
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviours, self.content, self.requests, self.gone = behaviours, content, [], threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/data.bin"

    def close(self):
        self.gone.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):        # a client that goes away is one of the faults
        return


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        behaviour = server.behaviours[min(len(server.requests), len(server.behaviours) - 1)]
        server.requests.append(self.headers.get("Range"))
        self.content, self.size = server.content, len(server.content)
        behaviour(self)

    def log_message(self, *arguments):          # the log would go to stderr, where nothing may appear
        return

    def answer(self, body, status=200, length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length != "none":
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def rest(self):
        """Where the answer begins, and its head: the arguments `status`, `length` and `Content_Range` of `answer`."""
        named = self.headers.get("Range")
        start = int(re.fullmatch(r"bytes=(\d+)-", named)[1]) if named else 0
        return start, {"status": 206 if start else 200, "length": self.size - start,
                       "Content_Range": f"bytes {start}-{self.size - 1}/{self.size}"}


def good(handler):
    start, head = handler.rest()
    handler.answer(handler.content[start:], **head)


def without_range(handler):
    handler.answer(handler.content)


def truncated(handler):
    handler.answer(handler.content[:handler.size // 2], length=handler.size)


def truncated_without_length(handler):
    handler.answer(handler.content[:handler.size // 2], length="none")


def shorter_file(handler):
    handler.answer(handler.content[:handler.size // 2])


def longer_file(handler):
    handler.answer(handler.content + b"more")


def longer_file_without_length(handler):
    handler.answer(handler.content + b"more", length="none")


def endless(handler):
    handler.answer(handler.content, length="none")
    while not handler.server.gone.is_set():
        handler.wfile.write(handler.content)


def corrupted(handler):
    changed = bytearray(handler.content)
    changed[handler.size // 2] ^= 1
    handler.answer(bytes(changed))


def another_file(handler):
    handler.answer(bytes(handler.size))


def in_chunks(share):
    """The file in chunks whose size is said before each, up to `share` of it; then the connection ends."""
    def behaviour(handler):
        handler.protocol_version, handler.close_connection = "HTTP/1.1", True
        handler.answer(b"", length="none", Transfer_Encoding="chunked")
        end = int(handler.size * share)
        for start in range(0, end, 50_000):
            piece = handler.content[start:min(start + 50_000, end)]
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n" if share == 1 else b"")
    return behaviour


def status(code, **headers):
    return lambda handler: handler.answer(b"no", code, **headers)


def page(handler):
    handler.answer(PAGE, Content_Type="text/html; charset=utf-8")


def page_without_type(handler):
    handler.answer(PAGE, length="none")


def page_as_file(handler):
    """As large as the file, said to be bytes, and in small pieces."""
    handler.answer(b"", length=handler.size, Content_Type="application/octet-stream")
    for start in range(len(PAGE)):
        handler.wfile.write(PAGE[start:start + 1])
        handler.server.gone.wait(0.001)
    handler.wfile.write(b" " * (handler.size - len(PAGE)))


def redirect(handler):
    if handler.path == "/login":
        page(handler)
    else:
        handler.answer(b"", 302, Location="/login")


def moved(handler):
    if handler.path == "/elsewhere":
        good(handler)
    else:
        handler.answer(b"", 302, Location="/elsewhere")


def compressed_again(handler):
    handler.answer(gzip.compress(handler.content), length="none", Content_Encoding="gzip")


def compressed_as_it_is(handler):
    """As Apache labels a .gz file where it is set up so: the file itself."""
    handler.answer(handler.content, Content_Encoding="x-gzip", Content_Type="application/x-tar")


def wrong_range(handler):
    handler.answer(handler.content[:10], 206, Content_Range=f"bytes 0-9/{handler.size}")


def stall(handler):
    """Half of what is missing, then silence."""
    start, head = handler.rest()
    handler.answer(handler.content[start:start + (handler.size - start) // 2], **head)
    handler.server.gone.wait(20)


def drip(handler):
    """A byte every 20 ms: never silent, never done."""
    start, head = handler.rest()
    handler.answer(b"", **head)
    while not handler.server.gone.wait(0.02):
        handler.wfile.write(handler.content[start:start + 1])
        start += 1


def slow(handler):
    """A fiftieth of the file every 10 ms: it takes half a second, and arrives."""
    start, head = handler.rest()
    handler.answer(b"", **head)
    for begin in range(start, handler.size, handler.size // 50):
        handler.wfile.write(handler.content[begin:begin + handler.size // 50])
        handler.server.gone.wait(0.01)


def silence(handler):
    handler.server.gone.wait(20)


def garbage(handler):
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.7\r\n")


def reset(share):
    """The connection is reset once `share` of the file has been sent; at 0 before anything has."""
    def behaviour(handler):
        start, head = handler.rest()
        if share:
            handler.answer(handler.content[start:start + int(share * (handler.size - start))], **head)
            handler.server.gone.wait(0.05)      # or the system throws away what it has not sent yet
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.rfile.close()
        handler.connection.close()
    return behaviour
