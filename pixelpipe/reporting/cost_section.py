"""What an experiment has cost, where the money went, and what stopping it early has spared."""

from pixelpipe.cost import Savings
from pixelpipe.reporting.description import Description
from pixelpipe.reporting.figures import duration, usd
from pixelpipe.reporting.markdown import bullets, text


def cost_section(description: Description) -> str:
    items = _elsewhere(description) if description.origin is not None else _spent(description)
    return "## Cost\n\n" + bullets(items)


def _spent(description: Description) -> list[str]:
    spend, cost = description.spend, description.cost_usd
    items = [f"Spent: {usd(cost)} and {duration(spend.seconds)} on {epochs(len(description.epochs))}"]
    if description.epochs:
        items.append(
            f"Of that time: training {duration(spend.train)}, saving {duration(spend.save)}, and evaluation "
            f"{duration(spend.evaluation)} ({spend.evaluation_share:.0%}: sampling {duration(spend.sample)}, measuring "
            f"{duration(spend.analyze)}, judging {duration(spend.judge)})"
        )
    if description.savings is not None:
        items += _spared(description.savings)
    items.append("Counted are committed epochs: preparing (loading, encoding) and interrupted attempts come on top")
    gpu, rate = description.config["budget"]["gpu"], description.config["budget"]["usd_per_hour"]
    items.append(f"Price: {usd(rate)} an hour ({text(gpu)}): as `budget` says, whatever it ran on")
    return items


def _spared(saved: Savings) -> list[str]:
    items = [
        f"Spared by stopping early: about {usd(saved.cost_usd)} and {duration(saved.seconds)}, which is "
        f"{epochs(saved.epochs)} at the mean price of those that were run (training {usd(saved.training_usd)}, "
        f"evaluation {usd(saved.evaluation_usd)})"
    ]
    if saved.spent_on_evaluation_usd:
        against = "Net of evaluation, against training to the end without looking"
        spared = f"{usd(saved.training_usd)} of training spared, {usd(saved.spent_on_evaluation_usd)} spent on looking"
        outcome = f"{usd(saved.net_usd)} saved" if saved.net_usd >= 0 else f"{usd(-saved.net_usd)} more was spent"
        items.append(f"{against}: {outcome} ({spared})")
    return items


def _elsewhere(description: Description) -> list[str]:
    """Nobody here saw the clock: what is stated, and what follows from it."""
    if description.origin == "checkpoint":
        spend = description.spend
        return [f"Drawing and judging it: {usd(description.cost_usd)} and {duration(spend.seconds)}; not its training"]
    if not description.cost_usd:
        return ["Not stated: it was trained elsewhere"]
    items = [f"Spent elsewhere: {usd(description.cost_usd)} on {epochs(len(description.epochs))}, as stated"]
    if saved := description.savings:
        items.append(
            f"The other {epochs(saved.epochs)} of the plan would have cost about {usd(saved.cost_usd)} at that price"
        )
    return items


def epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"
