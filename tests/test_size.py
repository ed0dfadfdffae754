from regrow.size import Size


def test_a_size_is_width_before_height_and_the_other_way_round_for_tensors():
    size = Size(641, 427)
    assert (size.width, size.height) == (641, 427) == size
    assert size.hw == (427, 641)
    assert size.pixels == 273_707
    assert str(size) == f"{size}" == "641x427"
