"""Word lattices: made by a beam search, scored anew, read as n-best lists and confusion networks, kept as files.

    lattice = search.lattice(log_probs)
    for path in nbest_paths(lattice, 10):
        print(path.score, path.text)
    larger = rescore_lattice(lattice, LanguageModel.load("large.bin"))
    print(confusion_network(larger).text)
"""
