"""serve.py FOLDER: giftless over FOLDER on a free port of 127.0.0.1, for everyone. Prints the port."""

import sys
import warnings
from wsgiref.simple_server import WSGIRequestHandler, make_server

warnings.simplefilter("ignore")
from giftless.app import init_app  # noqa: E402


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


app = init_app(
    additional_config={
        "AUTH_PROVIDERS": ["giftless.auth.allow_anon:read_write"],
        "TRANSFER_ADAPTERS": {
            "basic": {
                "factory": "giftless.transfer.basic_streaming:factory",
                "options": {
                    "storage_class": "giftless.storage.local_storage:LocalStorage",
                    "storage_options": {"path": sys.argv[1]},
                    "action_lifetime": 900,
                },
            }
        },
    }
)
server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
print(server.server_port, flush=True)
server.serve_forever()
