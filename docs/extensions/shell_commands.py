"""Run by IPython at the start of every page: a command that fails stops the build.

Without it `!command` goes on whatever the command says. `!command || true` lets it fail.
"""

shell = get_ipython()  # noqa: F821  # pyright: ignore
plain = shell.system


def system(command: str) -> None:
    """Run a command after an exclamation mark; raise where its exit code is not 0."""
    plain(command)
    if code := shell.user_ns.get("_exit_code"):
        raise RuntimeError(f"exit code {code} of: {command}")


shell.system = system
