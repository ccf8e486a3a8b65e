"""``tivax tbi``: the index of every account, solved by all processes of the job."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ... import errors  # loaded with --error only
from ...core import Keeper, Progress, is_first, shift_progress
from ...measures import (
    Account,
    TbiResult,
    ValueAdded,
    compute_tbi,
    require_certify,
)
from ...reporting import Context, Joined
from ..bundles import ErrorModelOption, OutputOptions
from ..inputs import read_final_accounts
from ..terminal import Terminal, next_step
from ..write import print_result, save_result
from .subject import Subject


def run_tbi(
    subject: Subject,
    output: OutputOptions,
    terminal: Terminal,
    asked: Sequence[str],
    drop: Sequence[str],
    certify: str,
    drawn: ErrorModelOption,
) -> None:
    """Compute the index of every account, write and print it.

    ``asked``: the regions that figures and summary show."""
    model, certified = drawn.model, require_certify(certify)
    run = subject.begin("tbi", output, drawn.files)
    final = read_final_accounts(subject.given.files)
    years, count = len(subject.tables.years), len(subject.accounts)
    every = years * count
    chosen = {"drop": [*drop], "groups": subject.groups.members}

    def each(what: str, compute: Callable[..., TbiResult], *more: Any) -> list:
        """The results of all accounts, with one progress."""
        with terminal.progress(what) as progress:
            return [
                compute(*of, progress=shift_progress(progress, k * years, every))
                for k, of in enumerate(zip(subject.accounts, *more, strict=True))
            ]

    def solved(account: ValueAdded, keeper: Keeper, *, progress: Progress) -> TbiResult:
        result = compute_tbi(
            subject.tables,
            account,
            **chosen,
            one_by_one=subject.each_group,
            certify=certified,
            final=final.get(Account(account).name),
            progress=progress,
            keeper=keeper,
        )
        net = bool(subject.net.categories)
        return replace(result, asked=asked, net=net, named=count > 1)

    def with_errors(
        account: ValueAdded, result: TbiResult, *, progress: Progress
    ) -> TbiResult:
        assert model is not None
        bars = errors.errors_of_tbi(
            subject.tables, result, model, account, **chosen, progress=progress
        )
        return replace(result, errors=bars)

    options = {"value_added": subject.given.value_added, "certify": certify}
    with subject.shared_years(output, run, terminal, **options, drop=[*drop]) as keeper:
        results = each("solving", solved, [keeper.under(k) for k in range(count)])
        if not is_first():
            return
        if model is not None:
            results = each("errors", with_errors, results)
        found = Joined(tuple(results)) if len(results) > 1 else results[0]
        context = Context(notes=subject.notes, codes=subject.codes, facts=subject.facts)
        record = save_result(found, run, output, context)
    further = next_step("explore", output.out, "--out", "explorer.html")
    print_result(found, record, output, terminal, context, further)
