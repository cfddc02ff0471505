"""``zhenwei serve``: the service, with its pages and its REST API."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from zhenwei.cli._options import Quiet
from zhenwei.cli._serve_access import Config, Database, Folder, keys, people, require_server
from zhenwei.cli.trouble import notes_console, tell_of_plugins

Auth = StrEnum("Auth", ["none", "keys"])
_HELP = """A page to drop files on, and a REST API: the service, on this machine or for others.

Alone it answers this machine on http://127.0.0.1:8765, keeps everything in one folder, examines two files at a time,
and opens the page in the browser. Ctrl-C ends it; what was accepted and is not done goes on when it starts again.

Others reach it with --host and --auth keys: programs by a key, people by a name and a password. Every option is also
an environment variable (ZHENWEI_PORT for --port) and a line of the TOML file that --config names, where there are
more: max_bytes, per_minute, webhooks, webhook_secret and others.

Exit status: 0 ended by Ctrl-C or the system, 1 the folder or the database cannot be used, 2 wrong use.

Examples:

  zhenwei serve

  zhenwei serve --port 9000 --folder /srv/zhenwei --no-browser

  zhenwei serve keys add upload-check --scope submit --scope read

  zhenwei serve --host 0.0.0.0 --auth keys --public-url https://zhenwei.example.org

  zhenwei serve --auth keys --database-url postgresql://zhenwei@db/zhenwei   # several share one queue
"""

serve = typer.Typer(help=_HELP, invoke_without_command=True, rich_markup_mode="markdown")
serve.add_typer(keys, name="keys", short_help="API keys, for programs: add, list, revoke.")
serve.add_typer(people, name="people", short_help="People who log in: add, list, revoke.")


@serve.callback()
def run(
    context: typer.Context,
    host: Annotated[str | None, typer.Option("--host", help="Where it listens; else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Else 8765; 0 = a free one.")] = None,
    folder: Folder = None,
    database_url: Database = None,
    auth: Annotated[Auth | None, typer.Option("--auth", help="keys: API keys and logins; else this machine.")] = None,
    public_url: Annotated[
        str | None, typer.Option("--public-url", help="How others reach it, behind a proxy.", metavar="URL")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=0, help="Files at a time; else 2, 0 = one a core.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option("--ray", help="Examine on this cluster of Ray; auto.", metavar="ADDRESS")
    ] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=1, help="That a file may take; else 300.")] = None,
    memory: Annotated[
        float | None, typer.Option("--memory", min=1, help="GiB that a worker may take; else by the machine.")
    ] = None,
    config: Config = None,
    examine: Annotated[
        bool | None, typer.Option("--examine/--no-examine", help="Whether this process examines what is handed in.")
    ] = None,
    browser: Annotated[bool | None, typer.Option("--browser/--no-browser", help="Open the page.")] = None,
    quiet: Quiet = False,
) -> None:
    if context.invoked_subcommand is not None:
        return
    require_server()
    from zhenwei.server.logs import set_up
    from zhenwei.server.serving import open_browser
    from zhenwei.server.serving import serve as serve_until_ended
    from zhenwei.server.settings import read_settings

    settings = read_settings(
        config,
        host=host,
        port=port,
        folder=folder,
        database_url=database_url,
        auth=None if auth is None else auth.value,
        public_url=public_url,
        workers=workers,
        ray=ray,
        seconds=seconds,
        memory=memory,
        examine=examine,
        browser=browser,
        quiet=quiet or None,
    )
    set_up(quiet=settings.quiet)
    notes = notes_console()
    if not settings.quiet:
        tell_of_plugins(notes)

    def started(url: str) -> None:
        if not settings.quiet:
            notes.print(f"zhenwei answers on {url} - Ctrl-C ends it.", markup=False)
        if settings.browser and sys.stderr.isatty():
            open_browser(url)

    serve_until_ended(settings, run_jobs=settings.examine, started=started)
