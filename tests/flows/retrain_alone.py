"""Runs the retraining flow as a worker's process does, and says what that took: `retrain_alone.py LINE STORE`."""

import json
import sys
import time
from functools import wraps

from flows.retrain import retrain

if __name__ == "__main__":
    flow_function, figures = retrain.fn, {}

    @wraps(flow_function)
    def timed(*arguments, **keywords):
        started, cpu = time.perf_counter(), time.process_time()
        try:
            return flow_function(*arguments, **keywords)
        finally:
            figures.update(seconds=time.perf_counter() - started, cpu_seconds=time.process_time() - cpu)

    retrain.fn = timed
    state = retrain(sys.argv[1], sys.argv[2], return_state=True)
    print(json.dumps({"message": state.message, "torch": "torch" in sys.modules, **figures}))  # noqa: T201
