"""Searches: matching papers, their order, and subjects that no candidate is about."""

from __future__ import annotations

import pytest

from papers.recommend import queries
from papers.recommend.abbreviations import definitions
from papers.recommend.index import Document, Index
from papers.recommend.profile import Profile
from papers.recommend.query_parsing import parse
from papers.recommend.ranking import interests

PAPERS = [
    Document("q", "Quantization of language models", "Weights in four bits, kept in memory."),
    Document("r", "Dense retrieval with language models", "Passages found by their vectors."),
    Document("c", "Coral reefs from space", "Satellites see the bleaching of reefs."),
]
OTHERS = [
    Document(f"o{n}", f"Part {n} of a long report", "It tells of many things, one by one.")
    for n in range(20)
]


def found(search: str, *papers: Document) -> list[str]:
    """Return the ids that a search finds among these papers and twenty others, best first."""
    profile = Profile(texts=[search])
    library = [*papers, *OTHERS]
    return [library[p].id for i in interests(Index(library), profile) for p in i.best()]


def test_a_result_that_left_the_cache_is_computed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queries, "CACHED_SEARCHES", 1)
    texts = ["quantization", "coral reefs", "dense retrieval"]
    index = Index(PAPERS)
    for _ in range(2):
        best = [next(i.best()) for i in interests(index, Profile(texts=texts))]
        assert [PAPERS[place].id for place in best] == ["q", "c", "r"]


def test_only_papers_with_a_word_of_the_search_are_found() -> None:
    assert found("coral", *PAPERS) == ["c"]


@pytest.mark.parametrize("search", ["zzzz", "the of and", ""])
def test_a_search_without_a_known_word_is_no_interest(search: str) -> None:
    assert list(interests(Index(PAPERS), Profile(texts=[search]))) == []


def test_a_paper_with_other_forms_of_all_words_of_a_search_is_on_it() -> None:
    abstract = "They learned quantized weights. We learn to quantize."
    paper = Document("l", "How models grow", abstract)
    [interest] = interests(Index([*PAPERS, paper]), Profile(texts=["learning quantization"]))
    assert interest.explain(3) == "on “learning quantization”"


def test_a_paper_that_says_a_search_once_in_its_opening_mentions_it() -> None:
    paper = Document("l", "How models grow", "Unlike learning quantization, this is new.")
    [interest] = interests(Index([*PAPERS, paper]), Profile(texts=["learning quantization"]))
    assert interest.explain(3) == "mentions “learning quantization”"


def test_a_paper_on_all_words_of_a_search_comes_before_one_on_the_rarest() -> None:
    common = [
        Document(str(n), f"Retrieval and generation, part {n}", "Passages are retrieved. " * 3)
        for n in range(12)
    ]
    both = Document("both", "Retrieval augmented generation", "Passages are retrieved.")
    rare = Document("rare", "Augmented reality", "Augmented, augmenting, augmentation of rooms.")
    assert found("retrieval augmented generation", rare, *common, both)[0] == "both"


def test_a_phrase_ranks_above_its_words_apart() -> None:
    apart = Document("apart", "Graph of what we know", "Knowledge is drawn. Graph after graph.")
    whole = Document("whole", "Drawing what we know", "A knowledge graph is drawn.")
    assert found("knowledge graph", apart, whole)[0] == "whole"


def test_a_subject_of_no_candidate_finds_nothing() -> None:
    papers = [
        *(Document(f"s{n}", f"Sign bits, {n}", "A sign breaks a language.") for n in range(5)),
        *(Document(f"l{n}", f"Language, {n}", "A language is learned.") for n in range(20)),
    ]
    assert found("sign language", *papers) == []


def test_a_paper_with_one_common_word_of_the_subject_is_not_about_it() -> None:
    about = Document("about", "Text-to-speech for all", "Text to speech in ten voices.")
    other = Document("other", "Text in images", "Text is read from images.")
    assert found("text-to-speech", other, about) == ["about"]


@pytest.mark.parametrize(
    "search", ["diffusion -video", "diffusion without video", "diffusion, not video"]
)
def test_what_is_excluded_is_not_found(search: str) -> None:
    video = Document("video", "Video diffusion", "Diffusion makes videos.")
    image = Document("image", "Image diffusion", "Diffusion makes images.")
    assert found(search, video, image) == ["image"]


def test_a_hyphen_inside_a_word_excludes_nothing() -> None:
    assert parse("low-resource languages").excluded == ()


def test_an_excluded_abbreviation_excludes_its_long_form() -> None:
    short = Document("short", "Reinforcement learning (RL) at scale", "Agents and rewards.")
    long = Document("long", "Agents by reinforcement learning", "Rewards for agents.")
    plain = Document("plain", "Agents in a browser", "Agents click.")
    assert found("agents -RL", short, long, plain) == ["plain"]


def test_words_in_quotes_match_as_a_phrase_only() -> None:
    apart = Document("apart", "Models of the world", "A model of this world.")
    whole = Document("whole", "World models", "A world model.")
    assert found('"world model"', apart, whole) == ["whole"]
    agents = Document("agents", "World models of agents", "An agent has a world model.")
    ranked = found('"world model" agents', apart, whole, agents)
    assert ranked[0] == "agents"
    assert "apart" not in ranked


def test_an_abbreviation_finds_its_long_form_and_the_long_form_finds_it() -> None:
    defined = Document("defined", "Speech for all", "We study text-to-speech (TTS) in ten voices.")
    short = Document("short", "A TTS of our own", "The TTS speaks.")
    long = Document("long", "Text-to-speech at home", "Text-to-speech in the kitchen.")
    assert set(found("TTS", defined, short, long)) == {"defined", "short", "long"}
    assert set(found("text-to-speech", defined, short, long)) == {"defined", "short", "long"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We use text-to-speech (TTS).", ("tts", ("text", "speech"))),
        ("Large Language Models (LLMs) are large.", ("llm", ("larg", "languag", "model"))),
        ("a Mixture-of-Experts (MoE) layer", ("moe", ("mixtur", "expert"))),
    ],
)
def test_definitions_of_abbreviations_are_extracted(
    text: str, expected: tuple[str, tuple[str, ...]]
) -> None:
    assert list(definitions(text)) == [expected]


@pytest.mark.parametrize("text", ["In this paper (ICML) we show.", "Ten cases (see below)."])
def test_not_every_text_in_brackets_is_an_abbreviation(text: str) -> None:
    assert list(definitions(text)) == []


def test_a_word_written_in_two_is_found() -> None:
    two = Document("two", "Re-ranking passages", "We re-rank them.")
    assert found("reranking", two) == ["two"]


def test_names_in_capitals_have_a_higher_weight() -> None:
    name = Document("name", "ASR by night", "ASR listens.")
    word = Document("word", "Dialects by night", "Dialects are spoken.")
    both = Document("both", "ASR of dialects", "An ASR for dialects; ASR dialects.")
    ranked = found("ASR dialects", word, name, both)
    assert ranked[0] == "both"
    assert "word" not in ranked


def numbered(name: str, title: str, abstract: str, count: int) -> list[Document]:
    """Return papers that differ in their number only."""
    return [Document(f"{name}{n}", f"{title}, {n}", abstract) for n in range(count)]


COMPUTED = numbered("c", "A cheaper server", "We measure computing at night.", 20)


def test_a_word_that_papers_are_about_makes_a_subject_known_without_its_companion() -> None:
    topics = ("circuits", "states", "noise", "operators")
    papers = [Document(t, f"Quantum {t}", f"Of {t}, quantum and not.") for t in topics]
    assert set(found("quantum computing", *papers, *COMPUTED)) == set(topics)


def test_a_word_that_papers_only_mention_makes_no_subject_known() -> None:
    papers = [
        Document(f"m{n}", f"Server {n}", f"Cooled. As in quantum case {n}, it hums.")
        for n in range(4)
    ]
    assert found("quantum computing", *papers, *COMPUTED) == []


def test_two_common_words_that_follow_each_other_once_by_chance_make_no_subject() -> None:
    humans = numbered("h", "Human hands", "Humans have hands. A human waves.", 60)
    resources = numbered("r", "Saving resources", "A resource is saved, resources last.", 60)
    chance = Document("chance", "Of a human resource is little here", "Nothing else.")
    assert found("human resources", chance, *humans, *resources) == []


def test_papers_that_mention_a_single_word_are_not_found_beside_those_about_it() -> None:
    about = numbered("a", "Robots at work", "A robot works.", 3)
    mention = Document("mention", "Hearts", "They beat in the opening. For robots, too.")
    assert {one[0] for one in found("robots", mention, *about)} == {"a"}


def test_where_few_papers_are_about_a_word_those_that_begin_with_it_are_found() -> None:
    begins = Document("begins", "Calls at night", "Wildlife calls. We record it. It is dark.")
    mention = Document("mention", "Cameras", "They see. They hear. At last some wildlife, too.")
    assert found("wildlife", mention, begins) == ["begins"]


def test_a_search_of_two_parts_asks_for_both() -> None:
    one = numbered("one", "Gaussian splatting of rooms", "Gaussian splatting, in 3D.", 3)
    both = Document("both", "Splatting of streets", "Gaussian splatting while driving a car.")
    assert found("3D gaussian splatting for driving", *one, both)[0] == "both"


def test_the_typed_word_counts_more_than_others_with_its_stem() -> None:
    other = Document("other", "Animation of faces", "Animation of faces.")
    typed = Document("typed", "Faces of animals", "Of the animals.")
    assert found("animal faces", other, typed)[0] == "typed"


def test_a_single_letter_with_a_hyphen_belongs_to_its_word() -> None:
    rays = Document("rays", "Chest x-ray reports", "X-rays of the chest.")
    others = numbered("o", "Ray tracing of x and y", "A ray is traced from x.", 3)
    assert found("x-ray", *others, rays) == ["rays"]


def test_two_letters_stand_for_a_long_form_only_beside_one_of_its_words() -> None:
    taught = numbered("t", "Machine translation", "We improve machine translation (MT).", 3)
    other = Document("other", "FunReason-MT", "Training data for calls in several turns.")
    short = Document("short", "MT of novels", "A novel in translation.")
    names = found("machine translation", *taught, other, short)
    assert "short" in names
    assert "other" not in names


def test_a_digest_holds_no_paper_with_less_than_half_of_the_best_score() -> None:
    best = Document("best", "Coral reefs", "Coral reefs. Coral reefs bleach. On coral reefs.")
    weak = Document("weak", "Reefs of the south", "On a ship. Reefs with fish, and one coral.")
    index = Index([best, weak, *OTHERS])
    search = index.searches.search("coral reefs")
    assert search.scores[1] < queries.CLEAR_SHARE_OF_BEST * search.scores[0]
    assert search.clear.tolist() == [True, False]


def test_a_digest_holds_no_paper_that_names_its_search_in_passing() -> None:
    about = numbered("a", "Coral reefs at night", "We dive to coral reefs.", 3)
    passing = Document(
        "passing", "Coral of the north", "A ship. A sea. Near coral reefs we rest. Coral."
    )
    search = Index([*about, passing, *OTHERS]).searches.search("coral reefs")
    assert search.clear[search.places < len(about)].all()
    assert not search.clear[search.places == len(about)].any()


def test_neighbours_of_little_weight_in_a_title_do_not_tell_the_subject() -> None:
    models = numbered("m", "Language models", "Language models are models.", 30)
    passing = Document("passing", "Poems by language models", "They read. Their context is long.")
    wanted = Document("wanted", "Long context", "Language models with a long context.")
    search = Index([passing, wanted, *models]).searches.search("long context language models")
    assert search.places.tolist() == [0, 1]
    assert search.titled.tolist() == [False, True]
