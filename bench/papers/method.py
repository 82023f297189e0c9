"""How the numbers of a page come about, in the sentences that papers share."""

INTERVALS = (
    "Intervals are 95 % over seeds: of means between Student's t and the studentised bootstrap "
    "where this is wider, of ratios by the basic bootstrap. Accuracies are means over "
    "experiences, each counting as much."
)
"""On every page."""

HOLDS_HERE = "*Holds here* is said of this protocol, never of the paper's."
"""On every page."""

PRUNING = (
    "*Any differ*: permutation test of the range "
    "over all numbers of rounds, so that looking for best and worst is paid for; *this "
    "pair alone*: exact paired sign-flip test, at least 2^(1-n) for n seeds, and not paid "
    "for. A ratio of weights is that of weight matrices and kernels at matched accuracy, "
    "interpolated seed by seed along the densities. The best number *surely moves* when it "
    "lies on the same side in 97.5 % of bootstrap resamples, which is not adjusted for the "
    "number of pairs."
)
"""Of papers on pruning."""

PAIRED = (
    "Differences are paired by seed; *surely* above or below: the whole interval is, which "
    "is not adjusted for the number of rows."
)
"""Of papers that compare accuracies."""
