"""A v1 scheduler (and executor) spoken by hand over HTTP, for tests that look at every byte that matters."""
import base64
import http.client
import json
import queue
import threading
import time
import uuid

TIMEOUT = 30


class Refused(Exception):
    """An answer other than the expected one."""

    def __init__(self, status, body, headers):
        super().__init__(f"{status}: {body}")
        self.status, self.body, self.headers = status, body, headers


def read_records(response):
    """Yields the RecordIO records of a streaming response."""
    buffer = b""
    while True:
        while b"\n" not in buffer:
            chunk = response.read1(65536)
            if not chunk:
                return
            buffer += chunk
        line, buffer = buffer.split(b"\n", 1)
        length = int(line)
        while len(buffer) < length:
            chunk = response.read1(65536)
            if not chunk:
                return
            buffer += chunk
        yield buffer[:length]
        buffer = buffer[length:]


def post(host, port, path, body, headers=None, timeout=TIMEOUT):
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        return response.status, response.read().decode(), dict(response.getheaders())
    finally:
        connection.close()


def get(host, port, path, timeout=TIMEOUT, headers=None):
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode(), dict(response.getheaders())
    finally:
        connection.close()


def get_json(host, port, path):
    status, body, _ = get(host, port, path)
    assert status == 200, (path, status, body)
    return json.loads(body)


def scalar(name, value, **more):
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}, **more}


def wait_until(condition, what, timeout=TIMEOUT):
    """Returns the first true value of the condition."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"timed out waiting for {what}"
        time.sleep(0.02)


class Framework:
    """One framework: `events` holds what has come and was not consumed by `expect`."""

    def __init__(self, host, port, name="e2e", framework_id=None, subscribe=True, suppressed=(), **info):
        self.host, self.port = host, port
        self.info = {"user": "root", "name": name, **info}
        if framework_id:
            self.info["id"] = {"value": framework_id}
        self.suppressed = list(suppressed)
        self.events = []
        self._queue = queue.Queue()
        self.stream_id = None
        self.id = framework_id
        self._response = None
        if subscribe:
            self.subscribe()

    # --- Calls.

    def subscribe(self):
        self._connection = http.client.HTTPConnection(self.host, self.port, timeout=300)
        call = {
            "type": "SUBSCRIBE",
            "subscribe": {"framework_info": self.info, "suppressed_roles": self.suppressed},
        }
        if self.id:
            call["framework_id"] = {"value": self.id}
        self._connection.request(
            "POST", "/api/v1/scheduler", json.dumps(call),
            {"Content-Type": "application/json", "Accept": "application/json"})
        self._socket = self._connection.sock
        response = self._connection.getresponse()
        if response.status != 200:
            raise Refused(response.status, response.read().decode(), dict(response.getheaders()))
        self._response = response
        self.stream_id = response.getheader("Mesos-Stream-Id")
        self._queue = queue.Queue()
        threading.Thread(target=self._read, args=(response, self._queue), daemon=True).start()
        subscribed = self.expect("SUBSCRIBED", "ERROR")
        if subscribed["type"] == "ERROR":
            raise Refused(200, subscribed["error"]["message"], {})
        self.id = subscribed["subscribed"]["framework_id"]["value"]
        self.info["id"] = {"value": self.id}
        return subscribed

    @staticmethod
    def _read(response, events):
        try:
            for record in read_records(response):
                events.put(json.loads(record))
        except (OSError, http.client.HTTPException, ValueError):
            pass
        events.put(None)

    def disconnect(self):
        """Drops the stream as a crash would."""
        import socket

        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        self.events = []

    def call(self, kind, expect=202, **body):
        call = {"type": kind, "framework_id": {"value": self.id}}
        if body:
            call[kind.lower()] = body
        headers = {"Mesos-Stream-Id": self.stream_id} if self.stream_id else {}
        status, text, headers = post(self.host, self.port, "/api/v1/scheduler", call, headers)
        if status != expect:
            raise Refused(status, text, headers)
        return text

    def accept(self, offers, operations, refuse_seconds=0.0):
        offers = offers if isinstance(offers, list) else [offers]
        return self.call("ACCEPT", offer_ids=[o["id"] for o in offers], operations=operations,
                         filters={"refuse_seconds": refuse_seconds})

    def decline(self, offers, refuse_seconds=0.0):
        offers = offers if isinstance(offers, list) else [offers]
        return self.call("DECLINE", offer_ids=[o["id"] for o in offers], filters={"refuse_seconds": refuse_seconds})

    def launch(self, offer, *tasks, refuse_seconds=0.0):
        for task in tasks:
            task.setdefault("agent_id", offer["agent_id"])
        return self.accept(offer, [{"type": "LAUNCH", "launch": {"task_infos": list(tasks)}}], refuse_seconds)

    def acknowledge(self, status):
        if "uuid" in status:
            self.call("ACKNOWLEDGE", agent_id=status["agent_id"], task_id=status["task_id"], uuid=status["uuid"])

    # --- Events.

    def next_event(self, timeout=TIMEOUT):
        return self._queue.get(timeout=timeout)

    def _take(self, matches):
        for i, event in enumerate(self.events):
            if matches(event):
                return self.events.pop(i)
        return None

    def expect(self, *kinds, where=lambda event: True, timeout=TIMEOUT):
        """The first event of one of the kinds, past or coming; others are kept."""

        def matches(event):
            return event["type"] in kinds and where(event)

        found = self._take(matches)
        deadline = time.monotonic() + timeout
        while found is None:
            try:
                event = self._queue.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {kinds} within {timeout} s; have {[e['type'] for e in self.events]}") from None
            assert event is not None, f"the stream ended while waiting for {kinds}"
            if matches(event):
                found = event
            else:
                self.events.append(event)
        return found

    def expect_closed(self, timeout=TIMEOUT):
        while self._queue.get(timeout=timeout) is not None:
            pass

    def quiet(self, *kinds, seconds=0.5):
        """No event of these kinds comes for a while."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                event = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if event is None:
                break
            self.events.append(event)
        unwanted = [e for e in self.events if e["type"] in kinds]
        assert not unwanted, unwanted

    def offer(self, cpus=0.0, timeout=TIMEOUT, where=lambda offer: True):
        """One offer with at least so many cpus; declines nothing."""
        while True:
            event = self.expect("OFFERS", timeout=timeout)
            offers = event["offers"]["offers"]
            for i, offer in enumerate(offers):
                if amount(offer, "cpus") >= cpus and where(offer):
                    rest = offers[:i] + offers[i + 1:]
                    if rest:
                        self.events.insert(0, {"type": "OFFERS", "offers": {"offers": rest}})
                    return offer

    def status(self, task_id, *states, timeout=TIMEOUT, acknowledge=True):
        """The next update of the task, which must be in one of the states (any, if none are given)."""
        event = self.expect("UPDATE", where=lambda e: e["update"]["status"]["task_id"]["value"] == task_id,
                            timeout=timeout)
        status = event["update"]["status"]
        if acknowledge:
            self.acknowledge(status)
        assert not states or status["state"] in states, status
        return status

    def run_to_end(self, task_id, timeout=TIMEOUT):
        """Acknowledges all updates of the task; returns its statuses up to the terminal one."""
        statuses = []
        while True:
            statuses.append(self.status(task_id, timeout=timeout))
            if statuses[-1]["state"] in TERMINAL:
                return statuses


TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED", "TASK_GONE"}


def amount(offer, name):
    return sum(r["scalar"]["value"] for r in offer["resources"] if r["name"] == name and r["type"] == "SCALAR")


def command_task(value, cpus=0.1, mem=32, task_id=None, **more):
    task_id = task_id or f"task-{uuid.uuid4()}"
    command = value if isinstance(value, dict) else {"value": value}
    return {
        "name": task_id,
        "task_id": {"value": task_id},
        "resources": [scalar("cpus", cpus), scalar("mem", mem)],
        "command": command,
        **more,
    }


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
