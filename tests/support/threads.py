"""Several threads that act at the same instant."""

import threading


def at_once(count, action):
    """Runs action(number) in threads at the same instant; gives the results in order."""
    results, gate = [None] * count, threading.Barrier(count)

    def go(number):
        gate.wait()
        results[number] = action(number)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
