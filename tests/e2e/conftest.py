# SPDX-License-Identifier: Apache-2.0
"""Starts what the tests need: a cluster of the real program on ports that the kernel chooses."""
import mesos
import pytest
from programs import Cluster, Pair


@pytest.fixture
def make_cluster(tmp_path):
    """Clusters with flags of the test's own."""
    clusters = []

    def make(*flags):
        clusters.append(Cluster(tmp_path / f"cluster{len(clusters)}", *flags))
        return clusters[-1]

    yield make
    for cluster in clusters:
        assert cluster.stop() == 0, "".join(cluster.program.log[-50:])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """One cluster for all tests of a module: four agents' worth of resources on one agent."""
    made = Cluster(tmp_path_factory.mktemp("cluster"), "--resources=cpus:8;mem:4096;disk:4096;ports:[31000-31099]")
    yield made
    assert made.stop() == 0, "".join(made.program.log[-50:])


@pytest.fixture
def framework(cluster):
    made = cluster.framework()
    yield made
    try:
        made.call("TEARDOWN")
    except (mesos.Refused, OSError):
        pass  # The test ended it itself.


@pytest.fixture
def make_pair(tmp_path):
    pairs = []

    def make(*master_flags):
        pairs.append(Pair(tmp_path / f"pair{len(pairs)}", *master_flags))
        return pairs[-1]

    yield make
    for pair in pairs:
        pair.stop()
