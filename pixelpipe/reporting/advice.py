"""What to do next, and what not to believe: paragraphs of the verdict, from the decision's reason."""

from pixelpipe.comparison.decision import BaselineKind, Decision, ReasonCode, Verdict
from pixelpipe.reporting.ablation import missing_runs
from pixelpipe.reporting.dataset_facts import DatasetFacts
from pixelpipe.reporting.description import Description
from pixelpipe.reporting.figures import epoch_range, number, percent, span, usd
from pixelpipe.reporting.judged_against import split_reference
from pixelpipe.reporting.markdown import code, text
from pixelpipe.reporting.result_tables import BUSIER, place_in_art

SMALL_PROMPTS = 24  # the rule's planned evaluation set (domain.md, section 5); fewer is called small
TERMS_NAMED = 5
PERSON_DECIDES = (
    ReasonCode.NEW_ART_NON_INFERIOR,
    ReasonCode.SUSPICIOUS_IMPROVEMENT,
    ReasonCode.TOO_MANY_COLORS,
)


def recommendation(description: Description) -> list[str]:
    """Paragraphs, the first of which says what to do."""
    by_status = {
        "running": _running,
        "promoted": _promoted,
        "abandoned": _abandoned,
        "inconclusive": _inconclusive,
        "failed": _interrupted,
        "cancelled": _interrupted,
    }
    paragraphs = by_status[description.status](description)
    if description.status in ("abandoned", "inconclusive"):
        paragraphs += _ablation(description)
    return paragraphs


def caveats(description: Description) -> list[str]:
    decision = description.decision
    if not description.epochs:
        return ["Nothing was drawn, so nothing was judged."]
    items = [*_about_images(description, decision), *_about_baseline(description, decision)]
    if description.metric == "unique_colors":
        items.append(
            "Unique colors mostly count noise that no eye sees: two pictures that look alike can differ by hundreds. "
            "Judged by effective colors, which an eye can tell apart, the verdict may be another one."
        )
    items.append(
        "Run-to-run variance was not measured: one training seed. The same configuration with another seed gives "
        "another checkpoint."
    )
    items.append(f"The verdict is about this checkpoint, not about {_idea(description)} in general.")
    if description.dataset is not None and description.dataset.num_near_duplicates:
        facts = description.dataset
        items.append(
            f"{facts.num_near_duplicates} of {facts.num_sprites} sprites nearly repeat another one; where one of a "
            "pair is held out, the validation loss flatters."
        )
    return items


def _running(description: Description) -> list[str]:
    done, planned = len(description.epochs), description.planned_epochs
    if not done:
        return [f"**Wait.** None of {planned} epochs is done."]
    return [f"**Wait.** {done} of {planned} epochs are done; the next ones may still change the verdict."]


def _promoted(description: Description) -> list[str]:
    checkpoint = code(_checkpoint(description))
    if description.reason_code == ReasonCode.DECLARED:
        return [
            f"**Use {checkpoint} as the baseline of this line.** A person said so; the rule was not asked.",
            "Next: bring a candidate (`pixelpipe evaluate`) or run one (`pixelpipe run`): it is compared with this.",
        ]
    if description.is_first:
        return [
            f"**Use {checkpoint} as the baseline of this line.** It is promoted because it is the line's first, not "
            "because it is good: look at the contact sheet before anything is deployed.",
            _next_after_first(description),
        ]
    return [
        f"**Deploy {checkpoint}: it replaces {code(_champion(description))}** as the champion of line "
        f"{code(description.line)}.",
        "Next: later candidates are judged against it; change one factor at a time.",
    ]


def _next_after_first(description: Description) -> str:
    decision = description.decision
    if decision is not None and place_in_art(decision) == BUSIER:
        return (
            "Its images are still busier than 99% of the training art: train longer (more epochs or repeats) before "
            "candidates are compared with it."
        )
    return "Next: an experiment that changes one factor. It will be compared with this one epoch by epoch."


def _abandoned(description: Description) -> list[str]:
    reason = description.decision.reason_code if description.decision else None
    paragraphs = [_stick(description), *_after_the_fact(description)]
    if reason is ReasonCode.DEGENERATE:
        paragraphs.append(
            "The images collapsed, which is a broken training more often than a bad idea: look at the contact sheet, "
            "then at the losses, the learning rate and the captions before trying again."
        )
    if reason is ReasonCode.SUMMARY_BASELINE:
        paragraphs.append(
            "The baseline is one number. Run its configuration as an experiment of this line, so that the next "
            "candidate is compared image by image and epoch by epoch."
        )
    if description.dataset is not None and description.dataset.num_flagged_captions:
        paragraphs.append(_captions_as_possible_cause(description.dataset))
    if description.factors is not None and len(description.factors) == 1:
        paragraphs.append(
            f"Before {text(description.factors[0].name)} = {text(description.factors[0].candidate)} is given up, "
            "repeat it with another training seed (`--set seed=...`)."
        )
    return paragraphs


def _after_the_fact(description: Description) -> list[str]:
    """Epochs that were trained although the rule would have stopped before them."""
    stops = [f.epoch for f in description.epochs if f.decision is not None and f.decision.ends_run]
    late = len([facts for facts in description.epochs if stops and facts.epoch > stops[0]])
    if not late:
        return []
    return [
        f"It was judged after the fact. Asked epoch by epoch, the rule would have stopped it after epoch {stops[0]} "
        f"and spared the {late} epoch{'s'[: late != 1]} that came after."
    ]


def _captions_as_possible_cause(facts: DatasetFacts) -> str:
    terms = ", ".join(f"{text(term.term)} ({term.num_captions})" for term in facts.flagged_terms[:TERMS_NAMED])
    return (
        f"A possible cause, and no more than that: {facts.num_flagged_captions} of {facts.num_train} training captions "
        f"name what their sprites cannot or do not show: {terms}. `pixelpipe captions lint` says why, and writes "
        "captions without it."
    )


_INCONCLUSIVE = {
    ReasonCode.NOT_CONFIRMED: "The improvement was not shown on fresh seeds: it was probably luck of the first ones.",
    ReasonCode.NOT_AS_CLEAN: "It has fewer colors, but its clean rate is not shown to hold: look at the sheet.",
    ReasonCode.COLORS_DISAGREE: "It has fewer colors, but is not shown to draw the colors that its prompts name.",
    ReasonCode.TOO_MANY_COLORS: "It beats the champion and still has more colors than the training art.",
    ReasonCode.AWAITING_CONFIRMATION: "It looks better; sampling both sides on fresh seeds decides.",
    ReasonCode.SUSPICIOUS_IMPROVEMENT: "So large an improvement is more often a broken pipeline (blank or cropped "
    "images) than a better model: look at the contact sheet.",
    ReasonCode.NEW_ART_NON_INFERIOR: "It was trained on other art and is no worse: a person must choose which art "
    "the line is to draw.",
    ReasonCode.BUDGET_REACHED: "The budget did not last until an answer was found: raise `budget.max_usd` and run it "
    "with `--again`.",
    ReasonCode.DEGENERATE: "The images of the last epoch have collapsed: look at the contact sheet.",
    ReasonCode.EVAL_SET_MISMATCH: "The two sides were drawn from different evaluation sets: sample the candidate with "
    "the line's prompts, seeds and sampler.",
    ReasonCode.MISSING_PAIRS: "Images are missing: find out why, and run it with `--again`.",
    ReasonCode.DUPLICATE_ROWS: "Some images were measured twice: find out why, and run it with `--again`.",
    ReasonCode.NON_FINITE: "Some metrics are not finite numbers: find out why, and run it with `--again`.",
    ReasonCode.SUMMARY_BASELINE: "A baseline known by one number can be lost to, never beaten: run its configuration "
    "as an experiment of this line.",
}


def _inconclusive(description: Description) -> list[str]:
    decision = description.decision
    if decision is not None and decision.verdict is Verdict.PROMOTED:
        return [
            f"**Judge it against the line's champion of today.** {code(_checkpoint(description))} would have been "
            "promoted, but the champion is another one than it was compared with: run it with `--again`."
        ]
    paragraphs = [_stick(description)]
    if decision is None:
        return paragraphs
    if decision.reason_code in _INCONCLUSIVE:
        paragraphs.append(_INCONCLUSIVE[decision.reason_code])
    if decision.reason_code in PERSON_DECIDES:
        paragraphs.append(
            f"To make it the champion all the same: `pixelpipe baseline set {_checkpoint(description)} --why REASON`."
        )
    if decision.detectable_difference is not None and decision.reason_code is ReasonCode.NOT_BETTER:
        paragraphs.append(
            "No improvement was seen. This evaluation finds a true excess of "
            f"{percent(decision.detectable_difference)} over the baseline four times in five; more prompts see "
            "smaller differences."
        )
    return paragraphs


def _interrupted(description: Description) -> list[str]:
    done = len(description.epochs)
    resumes = f"resumes after epoch {description.epochs[-1].epoch}" if done else "starts from the beginning"
    cause = "Remove the cause and run" if description.status == "failed" else "To go on, run"
    return [
        f"**No verdict: the run ended by accident, not by decision.** {cause} the same command again; it {resumes}.",
        _stick(description),
    ]


def _stick(description: Description) -> str:
    """What is used in the meantime."""
    mine = code(description.experiment_id)
    if description.baseline is None:
        if description.is_first:
            return f"Line {code(description.line)} still has no champion: do not deploy a checkpoint of {mine}."
        return f"Whatever line {code(description.line)} uses today stays; nothing here speaks against it."
    baseline = description.baseline
    kept = baseline.champion or baseline.experiment_id or baseline.reference
    mean = _kept_mean(description, kept)
    refusal = "Do not deploy" if description.status == "abandoned" else "Nothing here justifies deploying"
    return f"**Stick with {code(kept)}**{mean}. {refusal} checkpoints of {mine}."


def _kept_mean(description: Description, kept: str) -> str:
    """The seed's "(216.6 average colors)": of the champion's own checkpoint, where the store has it."""
    baseline = description.baseline
    assert baseline is not None
    facts = baseline.at(split_reference(kept)[1])
    if facts is None:
        return ""
    means = {"effective": facts.mean_effective_colors, "unique": facts.mean_unique_colors}
    if description.metric == "unique_colors":
        means = dict(reversed(means.items()))
    shown = next((f"{number(mean)} {name} colors" for name, mean in means.items() if mean is not None), None)
    if shown is None:
        return ""
    clean = "" if facts.clean_rate is None else f", {facts.clean_rate:.0%} clean images"
    return f" ({shown} on average{clean})"


def _ablation(description: Description) -> list[str]:
    if not description.confounded:
        return []
    names = " and ".join(text(factor.name) for factor in description.factors or ())
    runs, each = missing_runs(description), description.usd_per_epoch * description.planned_epochs
    price = f", for about {usd(runs * each)} if none is stopped early" if each else ""
    what = "the run" if runs == 1 else f"the {runs} runs"
    return [f"To learn what {names} do by themselves, make {what} listed under “What changed” as commands{price}."]


def _about_images(description: Description, decision: Decision | None) -> list[str]:
    prompts, seeds = description.num_prompts, description.seeds_per_prompt
    if not prompts:
        return [_about_figures(description)]
    size = f"{prompts} prompt{'s'[: prompts != 1]} × {seeds} seed{'s'[: seeds != 1]}"
    small = "a small evaluation set" if prompts < SMALL_PROMPTS else "the evaluation set"
    short = description.num_short
    part = f" (the first seed alone at {short} of {len(description.epochs)} epochs)" if short else ""
    items = [f"Judged on {size} an epoch{part}, {small}: prompts of another kind may give another picture."]
    if decision is None:
        return items
    if decision.detectable_difference is not None:
        items[0] += (
            f" At the last look a true excess of {percent(decision.detectable_difference)} is found four times "
            "in five; smaller ones mostly go unseen."
        )
    missing = decision.missing_candidate + decision.missing_baseline
    for count, what in (
        (missing, "pairs of images are missing"),
        (decision.non_finite, "images have no finite metric"),
    ):
        if count:
            items.append(f"{count} {what} at epoch {decision.epoch}.")
    return items


def _about_figures(description: Description) -> str:
    images = [facts.num_samples for facts in description.epochs]
    shown = span(images, lambda count: f"{count:.0f}")
    if min(images) >= SMALL_PROMPTS:
        return f"Means over {shown} images an epoch, of prompts and seeds that nobody wrote down."
    return (
        f"Few images: the means are over {shown} an epoch, of prompts and seeds that nobody wrote down. The mean of so "
        "small a set moves from one set of seeds to the next, and how far is not known."
    )


def _about_baseline(description: Description, decision: Decision | None) -> list[str]:
    decisions = [facts.decision for facts in description.epochs if facts.decision]
    kinds = {d.baseline_kind for d in decisions}
    items = []
    unmatched = [d for d in decisions if d.baseline_kind is BaselineKind.UNMATCHED]
    if unmatched:
        items.append(
            "Unmatched baseline: some epochs were compared with another epoch of the baseline, which has not seen the "
            f"same number of images; only more than {percent(unmatched[-1].margin or 0)} counts against them."
        )
    if BaselineKind.SUMMARY in kinds:
        items += _about_summary(description, decisions)
    if decision is not None and decision.new_art:
        items.append("The baseline was trained on other sprites: the art itself is one of the differences.")
    if description.is_first and description.reason_code != ReasonCode.DECLARED:
        items.append("Nothing was compared: the line had no champion, and any finished run would have become it.")
    if kinds & {BaselineKind.MATCHED, BaselineKind.UNMATCHED}:
        items.append("Fewer colors than the art's median count as the median: flatter than the art is no merit.")
    return items


def _about_summary(description: Description, decisions: list[Decision]) -> list[str]:
    side = "The baseline is" if description.origin is None else "One side is"
    items = [
        f"{side} a summary figure: its images, prompts and seeds are unknown, so nothing was paired and no p-value is "
        "claimed."
    ]
    others = [d.epoch for d in decisions if split_reference(d.baseline)[1] not in (None, d.epoch)]
    if others:
        theirs = sorted({split_reference(d.baseline)[1] or 0 for d in decisions if d.epoch in others})
        items.append(
            f"Unmatched epochs: {epoch_range(others)} of this experiment {'was' if len(others) == 1 else 'were'} "
            f"compared with {epoch_range(theirs)} of the baseline. A model that has trained for less is often worse "
            "for that reason alone."
        )
    return items


def _idea(description: Description) -> str:
    """What the reader is tempted to generalize to."""
    names = [text(factor.name) for factor in description.factors or ()]
    return "this " + " or this ".join(names) if 0 < len(names) <= 3 else "its configuration"


def _checkpoint(description: Description) -> str:
    return (
        f"{description.experiment_id}@{description.epochs[-1].epoch}"
        if description.epochs
        else description.experiment_id
    )


def _champion(description: Description) -> str:
    baseline = description.baseline
    assert baseline is not None, "what was promoted is the first of its line or replaces a champion"
    return baseline.champion or baseline.reference
