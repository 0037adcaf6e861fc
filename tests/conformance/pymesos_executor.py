# SPDX-License-Identifier: Apache-2.0
"""The executor of pymesos_scheduler.py: a task finishes once its own name has come back as a message."""
import threading
import time

from addict import Dict
from pymesos import Executor, MesosExecutorDriver, decode_data, encode_data


class Echo(Executor):
    def __init__(self):
        self.lock = threading.Lock()

    def launchTask(self, driver, task):
        self.update(driver, task.task_id.value, "TASK_RUNNING")

    def frameworkMessage(self, driver, message):
        driver.sendFrameworkMessage(message)
        self.update(driver, decode_data(message).decode(), "TASK_FINISHED")

    def update(self, driver, task_id, state):
        status = Dict()
        status.task_id.value = task_id
        status.state = state
        status.timestamp = time.time()
        status.data = encode_data(b"from the executor")
        with self.lock:
            driver.sendStatusUpdate(status)


if __name__ == "__main__":
    MesosExecutorDriver(Echo(), use_addict=True).run()
