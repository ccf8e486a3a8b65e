"""``tivax tbi``: the index of every account, solved by all processes of the job."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from ...core import Keeper, Progress, is_first, shift_progress
from ...measures import (
    Account,
    TbiResult,
    ValueAdded,
    require_certify,
    trade_benefit_index,
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

    def each(what: str, compute: Callable[..., TbiResult], of: Sequence) -> list:
        """The results of all accounts, with one progress."""
        with terminal.progress(what) as progress:
            return [
                compute(one, progress=shift_progress(progress, k * years, every))
                for k, one in enumerate(of)
            ]

    def solved(of: tuple[ValueAdded, Keeper], *, progress: Progress) -> TbiResult:
        account, keeper = of
        result = trade_benefit_index(
            subject.tables,
            account,
            **chosen,
            apart=subject.each_group,
            certify=certified,
            direct=final.get(Account(account).name),
            progress=progress,
            keeper=keeper,
        )
        net = bool(subject.net.categories)
        return replace(result, asked=asked, net=net, named=count > 1)

    options = {"value_added": subject.given.value_added, "certify": certify}
    with subject.shared_years(output, run, terminal, **options, drop=[*drop]) as keeper:
        keepers = [keeper.under(k) for k in range(count)]
        of = [*zip(subject.accounts, keepers, strict=True)]
        results = each("solving", solved, of)
        if not is_first():
            return
        if model is not None:
            with_errors = partial(TbiResult.with_errors, error=model)
            results = each("errors", with_errors, results)
        found = Joined(tuple(results)) if len(results) > 1 else results[0]
        context = Context(notes=subject.notes, codes=subject.codes, facts=subject.facts)
        record = save_result(found, run, output, context)
    further = next_step("explore", output.out, "--out", "explorer.html")
    print_result(found, record, output, terminal, context, further)
