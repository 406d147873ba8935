"""arXiv's fields of research and what their codes mean (https://arxiv.org/category_taxonomy)."""

from __future__ import annotations

from typing import Final

GROUPS: Final[dict[str, dict[str, str]]] = {
    "Computer science": {
        "cs.AI": "Artificial intelligence",
        "cs.CL": "Computation and language",
        "cs.CV": "Computer vision and pattern recognition",
        "cs.LG": "Machine learning",
        "cs.RO": "Robotics",
        "cs.NE": "Neural and evolutionary computing",
        "cs.IR": "Information retrieval",
        "cs.HC": "Human-computer interaction",
        "cs.CR": "Cryptography and security",
        "cs.SE": "Software engineering",
        "cs.AR": "Hardware architecture",
        "cs.CC": "Computational complexity",
        "cs.CE": "Computational engineering, finance and science",
        "cs.CG": "Computational geometry",
        "cs.CY": "Computers and society",
        "cs.DB": "Databases",
        "cs.DC": "Distributed, parallel and cluster computing",
        "cs.DL": "Digital libraries",
        "cs.DM": "Discrete mathematics",
        "cs.DS": "Data structures and algorithms",
        "cs.ET": "Emerging technologies",
        "cs.FL": "Formal languages and automata theory",
        "cs.GL": "General literature",
        "cs.GR": "Graphics",
        "cs.GT": "Computer science and game theory",
        "cs.IT": "Information theory",
        "cs.LO": "Logic in computer science",
        "cs.MA": "Multiagent systems",
        "cs.MM": "Multimedia",
        "cs.MS": "Mathematical software",
        "cs.NA": "Numerical analysis",
        "cs.NI": "Networking and internet architecture",
        "cs.OH": "Other computer science",
        "cs.OS": "Operating systems",
        "cs.PF": "Performance",
        "cs.PL": "Programming languages",
        "cs.SC": "Symbolic computation",
        "cs.SD": "Sound",
        "cs.SI": "Social and information networks",
        "cs.SY": "Systems and control",
    },
    "Statistics": {
        "stat.ML": "Machine learning",
        "stat.AP": "Applications",
        "stat.CO": "Computation",
        "stat.ME": "Methodology",
        "stat.OT": "Other statistics",
        "stat.TH": "Statistics theory",
    },
    "Electrical engineering and systems": {
        "eess.AS": "Audio and speech processing",
        "eess.IV": "Image and video processing",
        "eess.SP": "Signal processing",
        "eess.SY": "Systems and control",
    },
    "Quantitative biology": {
        "q-bio.BM": "Biomolecules",
        "q-bio.CB": "Cell behavior",
        "q-bio.GN": "Genomics",
        "q-bio.MN": "Molecular networks",
        "q-bio.NC": "Neurons and cognition",
        "q-bio.OT": "Other quantitative biology",
        "q-bio.PE": "Populations and evolution",
        "q-bio.QM": "Quantitative methods",
        "q-bio.SC": "Subcellular processes",
        "q-bio.TO": "Tissues and organs",
    },
    "Physics": {
        "quant-ph": "Quantum physics",
        "gr-qc": "General relativity and quantum cosmology",
        "hep-ex": "High energy physics: experiment",
        "hep-lat": "High energy physics: lattice",
        "hep-ph": "High energy physics: phenomenology",
        "hep-th": "High energy physics: theory",
        "math-ph": "Mathematical physics",
        "nucl-ex": "Nuclear experiment",
        "nucl-th": "Nuclear theory",
        "physics.acc-ph": "Accelerator physics",
        "physics.ao-ph": "Atmospheric and oceanic physics",
        "physics.app-ph": "Applied physics",
        "physics.atm-clus": "Atomic and molecular clusters",
        "physics.atom-ph": "Atomic physics",
        "physics.bio-ph": "Biological physics",
        "physics.chem-ph": "Chemical physics",
        "physics.class-ph": "Classical physics",
        "physics.comp-ph": "Computational physics",
        "physics.data-an": "Data analysis, statistics and probability",
        "physics.ed-ph": "Physics education",
        "physics.flu-dyn": "Fluid dynamics",
        "physics.gen-ph": "General physics",
        "physics.geo-ph": "Geophysics",
        "physics.hist-ph": "History and philosophy of physics",
        "physics.ins-det": "Instrumentation and detectors",
        "physics.med-ph": "Medical physics",
        "physics.optics": "Optics",
        "physics.plasm-ph": "Plasma physics",
        "physics.pop-ph": "Popular physics",
        "physics.soc-ph": "Physics and society",
        "physics.space-ph": "Space physics",
    },
    "Astrophysics": {
        "astro-ph.CO": "Cosmology and nongalactic astrophysics",
        "astro-ph.EP": "Earth and planetary astrophysics",
        "astro-ph.GA": "Astrophysics of galaxies",
        "astro-ph.HE": "High energy astrophysical phenomena",
        "astro-ph.IM": "Instrumentation and methods",
        "astro-ph.SR": "Solar and stellar astrophysics",
    },
    "Condensed matter and nonlinear sciences": {
        "cond-mat.dis-nn": "Disordered systems and neural networks",
        "cond-mat.mes-hall": "Mesoscale and nanoscale physics",
        "cond-mat.mtrl-sci": "Materials science",
        "cond-mat.other": "Other condensed matter",
        "cond-mat.quant-gas": "Quantum gases",
        "cond-mat.soft": "Soft condensed matter",
        "cond-mat.stat-mech": "Statistical mechanics",
        "cond-mat.str-el": "Strongly correlated electrons",
        "cond-mat.supr-con": "Superconductivity",
        "nlin.AO": "Adaptation and self-organizing systems",
        "nlin.CD": "Chaotic dynamics",
        "nlin.CG": "Cellular automata and lattice gases",
        "nlin.PS": "Pattern formation and solitons",
        "nlin.SI": "Exactly solvable and integrable systems",
    },
    "Mathematics": {
        "math.AC": "Commutative algebra",
        "math.AG": "Algebraic geometry",
        "math.AP": "Analysis of PDEs",
        "math.AT": "Algebraic topology",
        "math.CA": "Classical analysis and ODEs",
        "math.CO": "Combinatorics",
        "math.CT": "Category theory",
        "math.CV": "Complex variables",
        "math.DG": "Differential geometry",
        "math.DS": "Dynamical systems",
        "math.FA": "Functional analysis",
        "math.GM": "General mathematics",
        "math.GN": "General topology",
        "math.GR": "Group theory",
        "math.GT": "Geometric topology",
        "math.HO": "History and overview",
        "math.IT": "Information theory",
        "math.KT": "K-theory and homology",
        "math.LO": "Logic",
        "math.MG": "Metric geometry",
        "math.MP": "Mathematical physics",
        "math.NA": "Numerical analysis",
        "math.NT": "Number theory",
        "math.OA": "Operator algebras",
        "math.OC": "Optimization and control",
        "math.PR": "Probability",
        "math.QA": "Quantum algebra",
        "math.RA": "Rings and algebras",
        "math.RT": "Representation theory",
        "math.SG": "Symplectic geometry",
        "math.SP": "Spectral theory",
        "math.ST": "Statistics theory",
    },
    "Economics and finance": {
        "econ.EM": "Econometrics",
        "econ.GN": "General economics",
        "econ.TH": "Theoretical economics",
        "q-fin.CP": "Computational finance",
        "q-fin.EC": "Economics",
        "q-fin.GN": "General finance",
        "q-fin.MF": "Mathematical finance",
        "q-fin.PM": "Portfolio management",
        "q-fin.PR": "Pricing of securities",
        "q-fin.RM": "Risk management",
        "q-fin.ST": "Statistical finance",
        "q-fin.TR": "Trading and market microstructure",
    },
}
NAMES: Final[dict[str, str]] = {
    code: name for group in GROUPS.values() for code, name in group.items()
}
ARCHIVES: Final[frozenset[str]] = frozenset(code.partition(".")[0] for code in NAMES)
SPELLINGS: Final[dict[str, str]] = {code.lower(): code for code in (*NAMES, *ARCHIVES)}

CODES_BY_NAME: Final[dict[str, str]] = {
    name.lower(): code for code, name in reversed(NAMES.items())
}


def category(typed: str) -> str | None:
    """Return the category (``cs.CL``) or archive (``cs``) in its spelling; None when unknown."""
    return SPELLINGS.get(typed.strip().lower())


def category_by_name(typed: str) -> str | None:
    """Return the category of ``Robotics`` or ``Robotics (cs.RO)``; None for any other text.

    Of two categories with one name the first of ``GROUPS`` is returned.
    """
    name, bracket, code = typed.strip().rpartition(" (")
    if bracket and code.endswith(")"):
        return category(code.removesuffix(")")) if name else None
    return CODES_BY_NAME.get(typed.strip().lower())
