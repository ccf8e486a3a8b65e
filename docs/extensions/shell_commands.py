"""Run by IPython at the start of every page: a command that fails stops the build.

Without it a page goes on after `!command` whatever the command says; after
`!command || true` it still does.
"""

shell = get_ipython()  # noqa: F821  # pyright: ignore
plain = shell.system


def system(command: str) -> None:
    """Run a command after an exclamation mark; raise where its exit code is not 0."""
    plain(command)
    if code := shell.user_ns.get("_exit_code"):
        raise RuntimeError(f"exit code {code} of: {command}")


shell.system = system
