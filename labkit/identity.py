"""Who may use the JupyterLab that `labkit lab` starts: whoever has its token.

server.py names the class on the command line, which wins over every configuration file. Jupyter asks it when all
options, variables and files have been read, and before it listens: so it sees a token that any of them took away.
"""
import sys

from jupyter_server.auth.identity import PasswordIdentityProvider

from labkit.language import _
from labkit.settings import SettingError, refuse

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class TokenNeeded(PasswordIdentityProvider):
    """Jupyter's own, except that there always is a token, beside a password too, and nothing starts without one."""
    need_token = True

    def validate_security(self, app, ssl_options=None) -> None:
        if not self.token.strip():
            print(f"labkit lab: {no_token(self.token)}", file=sys.stderr)
            sys.exit(2)
        if app.ip not in LOOPBACK:
            app.log.warning(_("JupyterLab listens on {address}: other computers can reach it, and whoever has its "
                              "token can run programs as you.").format(address=app.ip or "*"))
        super().validate_security(app, ssl_options)


def no_token(token: str) -> SettingError:
    """The error for an empty token."""
    return refuse("IdentityProvider.token", token, _("a token that is not empty; Jupyter makes one where none is set"),
                  _("Without a token, everyone who has an account on this computer could run programs as you. Leave "
                    "out the option, the variable or the line in a file of {folder} that empties it.").format(
                        folder="~/.jupyter"))
