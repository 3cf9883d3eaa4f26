import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxac.devices import threefry
from jaxac.errors import ConfigError
from jaxac.storage import checkpoint, serialization
from jaxac.storage.checkpoint import Checkpoint


def write(directory, *updates, keep=9):
    for count in updates:
        checkpoint.write(directory, Checkpoint(count, {"run_id": "x"}, b"state of %d" % count), keep)
    return checkpoint.paths(directory)


def test_what_is_written_is_read(tmp_path):
    (path,) = write(tmp_path, 7)
    assert checkpoint.read(path) == Checkpoint(7, {"run_id": "x"}, b"state of 7")


def test_its_directory_is_made(tmp_path):
    (path,) = write(tmp_path / "not" / "there", 7)
    assert checkpoint.read(path).updates == 7


def test_only_the_newest_are_kept(tmp_path):
    paths = write(tmp_path, 5, 10, 100, 1000, keep=2)
    assert [checkpoint.read(path).updates for path in paths] == [100, 1000]
    assert checkpoint.newest(tmp_path) == paths[-1]


def test_every_flipped_bit_is_noticed(tmp_path):
    (path,) = write(tmp_path, 7)
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(ConfigError, match="damaged"):
            checkpoint.read(path)


@pytest.mark.parametrize("length", [0, 1, 20, 100, -1])
def test_a_cut_file_is_refused_and_the_one_before_offered(tmp_path, length):
    first, second, third = write(tmp_path, 1, 2, 3)
    third.write_bytes(third.read_bytes()[:length])
    second.write_bytes(b"")
    with pytest.raises(ConfigError) as error:
        checkpoint.read(third)
    assert str(third) in str(error.value)
    assert f"resume={first}" in str(error.value)


def test_no_undamaged_checkpoint_is_said(tmp_path):
    (path,) = write(tmp_path, 1)
    path.write_bytes(b"{}\n")
    with pytest.raises(ConfigError, match="none before it"):
        checkpoint.read(path)


def test_a_tree_survives_bit_for_bit():
    params = {"w": jnp.array([1.0, jnp.nan, -0.0]), "half": jnp.ones(3, jnp.bfloat16)}
    tree = (jax.random.split(threefry.key(3), 4), optax.adam(1e-3).init(params), params)
    template = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), tree)
    restored = serialization.unpack(template, serialization.pack(tree))
    assert jax.tree.structure(restored) == jax.tree.structure(tree)
    assert serialization.pack(restored) == serialization.pack(tree)
    assert restored[0].dtype == tree[0].dtype


def test_another_programs_state_is_refused():
    content = serialization.pack({"w": jnp.ones(3)})
    for other in ({"w": jnp.ones(4)}, {"w": jnp.ones(3, jnp.int32)}, {"v": jnp.ones(3)}):
        with pytest.raises(ConfigError, match="does not fit"):
            serialization.unpack(other, content)


def test_the_digest_sees_every_bit_and_nothing_else():
    tree = {"a": np.zeros(3, np.float32), "b": np.ones(2, np.float32)}
    same = {"b": jnp.ones(2), "a": jnp.zeros(3)}
    assert serialization.digest(tree) == serialization.digest(same)
    tree["a"][0] = -0.0
    assert serialization.digest(tree) != serialization.digest(same)
