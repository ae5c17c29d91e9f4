"""What the lint found in the captions that were trained on."""

from pixelpipe.reporting.dataset_facts import DatasetFacts
from pixelpipe.reporting.markdown import table, text


def caption_section(dataset: DatasetFacts | None) -> str:
    """Markdown that begins with its heading; "" where the captions are not known."""
    if dataset is None:
        return ""
    where = f"Captions: {', '.join(map(text, dataset.strategies))}."
    if not dataset.flagged_terms:
        return f"## Captions\n\n{where} None of {dataset.num_train} names what its sprite cannot or does not show."
    rows = [
        [text(term.term), str(term.num_captions), text(term.words), text(term.rule), text(term.reason)]
        for term in dataset.flagged_terms
    ]
    more = dataset.num_flagged_terms - len(rows)
    parts = [
        "## Captions",
        f"{where} {dataset.num_flagged_captions} of {dataset.num_train} training captions name what their sprites "
        "cannot or do not show.",
        table(["Term", "Captions", "For example", "Rule", "Why"], rows, right=(1,)),
    ]
    if more > 0:
        parts.append(f"{more} more terms: `pixelpipe captions lint` names all, and writes captions without them.")
    return "\n\n".join(parts)
