"""What people preferred in a blind review, beside what the judge and the metrics say."""

from pixelpipe.comparison.sentence import METRIC_NAMES
from pixelpipe.reporting.figures import percent
from pixelpipe.reporting.markdown import code, table
from pixelpipe.reporting.vote_agreement import ReviewFacts, Share


def review_section(facts: ReviewFacts | None, metric: str) -> str:
    """Markdown that begins with its heading; "" where nobody has voted."""
    if facts is None:
        return ""
    parts = ["## Blind review", _who(facts)]
    if facts.candidate is None:
        return "\n\n".join([*parts, "No pair was decided: nothing can be said of the judge or of a metric."])
    parts += [_preference(facts), _judge(facts)]
    rows = [[f"**The judged value** ({METRIC_NAMES.get(metric, metric)})", "less", *_cells(facts.judge_share)]]
    rows += [[code(one.metric), one.better, *_cells(one.share)] for one in facts.metrics]
    header = ["Metric", "Better is", "Agrees with people", "95% interval", "Pairs"]
    parts.append(table(header, [row for row in rows if row[2]], right=(2, 3, 4)))
    parts.append(
        "Pairs: those that people decided and the metric tells apart; by chance half of them agree. Intervals count "
        "every prompt once, since its seeds are not independent. A metric whose interval holds 50% is not shown to see "
        "what people see."
    )
    return "\n\n".join(parts)


def _who(facts: ReviewFacts) -> str:
    people = f"{facts.num_reviewers} {'person' if facts.num_reviewers == 1 else 'people'}"
    text = f"{people} voted on {facts.num_pairs} pairs without knowing which was which ({facts.num_votes} votes"
    text += f"; {facts.num_undecided} pairs undecided)." if facts.num_undecided else ")."
    if facts.reviewers_agree is not None:
        text += f" Two of them say the same of a pair in {facts.reviewers_agree.value:.0%} of the cases."
    return text


def _preference(facts: ReviewFacts) -> str:
    assert facts.candidate is not None
    share = facts.candidate
    ends = f"{share.value:.0%} of {share.num_pairs} decided pairs (95% interval {share.low:.0%} to {share.high:.0%})"
    if share.low > 0.5:
        return f"**People prefer this experiment**: {ends}."
    if share.high < 0.5:
        return f"**People prefer the baseline**: this experiment was preferred in {ends}."
    return f"**People have no clear preference**: this experiment was preferred in {ends}."


def _judge(facts: ReviewFacts) -> str:
    if facts.judge_difference is None:
        return "The judge measured no difference at that epoch."
    measured = f"The judge measured {percent(facts.judge_difference)} at that epoch (less is better)"
    agrees = facts.agrees_with_judge
    if agrees is None:
        return f"{measured}; whether people agree is open."
    return f"{measured}: people {'agree' if agrees else '**disagree**'}."


def _cells(share: Share | None) -> list[str]:
    if share is None:
        return ["", "", ""]
    return [f"{share.value:.0%}", f"{share.low:.0%} to {share.high:.0%}", str(share.num_pairs)]
