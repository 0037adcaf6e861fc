# SPDX-License-Identifier: Apache-2.0
"""tepui store: what a master keeps, looked into and moved (docs/storage.md)."""
import signal
import sqlite3
import struct
import subprocess
import zlib

import mesos
import pytest
import zookeeper
from mesos import wait_until
from programs import AGENT_RESOURCES, Program, tepui


def store(*words, expect=0):
    """What `tepui store` prints."""
    done = tepui("store", *words, stdin=subprocess.DEVNULL)
    assert done.returncode == expect, done.stdout
    return done.stdout


def export_file(path, lines, count):
    text = "tepui-store 1\n" + lines
    path.write_text(f"{text}end {count} {zlib.crc32(text.encode()):08x}\n")
    return path


def mark(registry):
    """As an import leaves it that was ended half-way."""
    import struct
    value = b"somewhere"
    with sqlite3.connect(registry) as database:
        database.execute("INSERT INTO entries (key, value, version, checksum) VALUES ('.import', ?, 1, ?)",
                         (value, zlib.crc32(b".import\0" + value + struct.pack("<Q", 1))))


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory):
    """One server is enough here."""
    made = zookeeper.Ensemble(tmp_path_factory.mktemp("zookeeper"), hosts=["127.0.0.1"])
    made.start()
    made.wait_until_serving()
    yield made
    made.stop()


@pytest.fixture
def pair(make_pair):
    """A master with an agent in its registry, and that agent's id."""
    pair = make_pair()
    pair.agent_id = pair.state()["slaves"][0]["id"]
    pair.registry = pair.directory / "master/registry.db"
    return pair


def test_inspect_and_check_beside_a_running_master(pair):
    shown = store("inspect", pair.registry)
    assert str(pair.registry) in shown.splitlines()[0]
    assert f"pid {pair.master.process.pid} " in shown
    assert "registry/agents: 1, " in shown
    line = next(line for line in shown.splitlines() if line.startswith(f"registry/agents/{pair.agent_id} "))
    assert "(version 1, " in line and 'hostname: "' in line and 'name: "cpus"' in line
    assert store("check", pair.registry) == "The store is sound: 1 entries\n"
    pair.wait_for_metric("slaves_active", 1)


def test_an_agents_checkpoint_is_a_store_too(pair):
    checkpoint = pair.directory / "agent/meta/agent.db"
    shown = store("inspect", checkpoint)
    assert str(checkpoint) in shown and f"pid {pair.agent.process.pid} " in shown
    assert "(version 1, " in shown
    assert store("check", checkpoint).startswith("The store is sound: ")


def test_check_names_what_is_damaged(pair):
    pair.agent.process.send_signal(signal.SIGKILL)
    pair.master.stop(signal.SIGKILL)
    with sqlite3.connect(pair.registry) as database:
        database.execute("UPDATE entries SET value = zeroblob(3)")
    said = store("check", pair.registry, expect=1)
    assert "The store is damaged:\n" in said and pair.agent_id in said
    store("inspect", pair.registry, expect=1)


def test_what_is_no_store_is_refused_and_not_made(tmp_path):
    missing = tmp_path / "none.db"
    for words in (("inspect", missing), ("check", missing), ("export", missing, tmp_path / "out")):
        assert str(missing) in store(*words, expect=1)
    other = tmp_path / "other.db"
    other.write_text("a text")
    assert "other.db" in store("inspect", other, expect=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other.db"]
    assert "is not an action: use inspect, check, export or import" in store("look", missing, expect=2)


def test_from_one_machine_to_zookeeper_and_back(pair, ensemble, tmp_path):
    """The agent, its id and its task stay, as does what the registry says of it."""
    framework = pair.framework(failover_timeout=3600)
    task_id = framework.start_task()
    pair.agent.process.send_signal(signal.SIGSTOP)
    framework.disconnect()
    assert pair.master.stop() == 0

    exported = tmp_path / "exported"
    assert store("export", pair.registry, exported) == f"Exported 1 entries to {exported}\n"
    assert exported.stat().st_mode & 0o777 == 0o600
    assert "File exists" in store("export", pair.registry, exported, expect=1)
    zk = ensemble.address("/mesos", "mesos:secret")
    assert store("import", exported, zk) == "Imported 1 entries\n"
    assert store("check", zk) == "The store is sound: 1 entries\n"
    shown = store("inspect", zk)
    assert f"registry/agents/{pair.agent_id} " in shown and "secret" not in shown

    # A master on the same port, so that agent and framework find it.
    pair.master = Program("master", "--ip=127.0.0.1", f"--port={pair.port}", f"--zk={zk}")
    pair.programs.append(pair.master)
    pair.master.address("master")
    wait_until(lambda: mesos.get(pair.host, pair.port, "/state")[0] == 200, "the master to lead")
    pair.agent.process.send_signal(signal.SIGCONT)
    pair.wait_for_metric("slaves_active", 1)
    assert [agent["id"] for agent in pair.state()["slaves"]] == [pair.agent_id]
    framework.subscribe()
    framework.call("RECONCILE", tasks=[{"task_id": {"value": task_id}}])
    while framework.status(task_id, "TASK_RUNNING").get("reason") != "REASON_RECONCILIATION":
        pass
    pair.agent.process.send_signal(signal.SIGSTOP)
    assert pair.master.stop() == 0

    back = tmp_path / "back"
    store("export", zk, back)
    assert back.read_text() == exported.read_text()
    (tmp_path / "master2").mkdir()
    registry = tmp_path / "master2/registry.db"
    store("import", back, registry)
    assert registry.stat().st_mode & 0o777 == 0o600
    pair.master = Program("master", "--ip=127.0.0.1", f"--port={pair.port}", f"--work_dir={registry.parent}")
    pair.programs.append(pair.master)
    pair.master.address("master")
    pair.agent.process.send_signal(signal.SIGCONT)
    pair.wait_for_metric("slaves_active", 1)
    assert [agent["id"] for agent in pair.state()["slaves"]] == [pair.agent_id]


def test_an_import_replaces_only_what_it_is_told_to(tmp_path, ensemble):
    # Base64 of protobuf that these records may be.
    lines = "registry/gone/a CgIICQ==\nregistry/unreachable/b CgIICQ==\n"
    exported = export_file(tmp_path / "two", lines, 2)
    one = export_file(tmp_path / "one", "registry/gone/c CgIICQ==\n", 1)
    for address in (tmp_path / "registry.db", ensemble.address("/replace")):
        assert store("import", exported, address) == "Imported 2 entries\n"
        assert "gone since 1970-01-01T00:00:09Z" in store("inspect", address)
        said = store("import", one, address, expect=1)
        assert "not empty: it holds 2 entries, such as 'registry/gone/a'; --replace" in said
        assert store("import", one, address, "--replace") == "Imported 1 entries\n"
        assert store("check", address) == "The store is sound: 1 entries\n"
        assert "registry/gone/c (version 1, " in store("inspect", address)


def test_a_file_that_is_damaged_is_refused_before_anything_is_touched(tmp_path):
    text = export_file(tmp_path / "sound", "registry/gone/a CgIICQ==\n", 1).read_text()
    damaged = tmp_path / "damaged"
    registry = tmp_path / "registry.db"
    for line, value in ((2, "C*IICQ=="), (3, "CgIJCQ==")):  # No base64; another value, which the checksum finds.
        damaged.write_text(text.replace("CgIICQ==", value))
        assert f"'{damaged}', line {line}: expected" in store("import", damaged, registry, expect=1)
    damaged.write_text(text[:-1])
    assert "but the file ends here" in store("import", damaged, registry, "--replace", expect=1)
    assert not registry.exists()


def test_an_import_that_was_not_finished_is_seen(tmp_path):
    exported = export_file(tmp_path / "sound", "registry/gone/a CgIICQ==\n", 1)
    registry = tmp_path / "registry.db"
    store("import", exported, registry)
    mark(registry)
    for words in (("export", registry, tmp_path / "out"), ("check", registry)):
        assert "tepui store import --replace" in store(*words, expect=1)
    master = Program("master", "--ip=127.0.0.1", "--port=0", f"--work_dir={tmp_path}")
    assert master.process.wait(30) == 1
    master.join()
    assert "tepui store import --replace" in "".join(master.log)
    assert "not empty" in store("import", exported, registry, expect=1)
    store("import", exported, registry, "--replace")
    assert store("check", registry) == "The store is sound: 1 entries\n"


def test_the_store_of_a_running_master_is_not_imported_into(pair, tmp_path):
    exported = tmp_path / "exported"
    store("export", pair.registry, exported)
    said = store("import", exported, pair.registry, "--replace", expect=1)
    assert str(pair.master.process.pid) in said
    pair.wait_for_metric("slaves_active", 1)


def test_who_imports_into_the_store_of_a_leader_ends_it(ensemble, tmp_path):
    """In ZooKeeper nothing keeps it out; two that write must not be."""
    zk = ensemble.address("/deposed")
    master = Program("master", "--ip=127.0.0.1", "--port=0", f"--zk={zk}")
    agent = None
    try:
        host, port = master.address("master")
        wait_until(lambda: mesos.get(host, port, "/state")[0] == 200, "the master to lead")
        exported = export_file(tmp_path / "one", "registry/gone/a CgIICQ==\n", 1)
        store("import", exported, zk, "--replace")
        agent = Program("agent", "--ip=127.0.0.1", "--port=0", f"--master={host}:{port}",
                        f"--work_dir={tmp_path}/agent", f"--runtime_dir={tmp_path}/run",
                        f"--resources={AGENT_RESOURCES}")
        assert master.process.wait(30) == 1
        master.join()
        assert "was taken over by pid" in "".join(master.log)
        assert store("check", zk) == "The store is sound: 1 entries\n"
    finally:
        for program in (agent, master):
            if program:
                program.stop()
