# SPDX-License-Identifier: Apache-2.0
# Runs one module of CPython's `test` package: cpython.py FD SECONDS MODULE. A line `RESULT TEST` goes to FD as each test
# ends, so that a module that hangs loses only what follows; after SECONDS it is ended with a traceback of each thread.
import faulthandler, os, sys, unittest
from test import support

# AF_VSOCK's tests want no host to be there; the others take gigabytes or the network.
NOT_RUN = ("VSOCK", "test_large", "LargeFile", "test_huge", "Bigmem", "Network", "test_no_leaking")


class Result(unittest.TextTestResult):
    def startTest(self, test):
        self.outcome = "ok"
        super().startTest(test)

    def stopTest(self, test):
        os.write(fd, f"{self.outcome} {test.id().split()[0]}\n".encode())
        super().stopTest(test)

    def addError(self, test, err):
        self.outcome = "error"
        super().addError(test, err)
        if not isinstance(test, unittest.TestCase):  # setUpModule, setUpClass
            os.write(fd, f"error {test.id()}\n".encode())

    def addFailure(self, test, err):
        self.outcome = "failure"
        super().addFailure(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.outcome = "failure"
        super().addSubTest(test, subtest, err)

    def addSkip(self, test, reason):
        self.outcome = "skipped"
        super().addSkip(test, reason)
        if not isinstance(test, unittest.TestCase):
            os.write(fd, f"skipped {test.id()}\n".encode())


def chosen(suite):
    kept = unittest.TestSuite()
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            kept.addTest(chosen(test))
        elif not any(word in test.id() for word in NOT_RUN):
            kept.addTest(test)
    return kept


if __name__ == "__main__":
    fd, seconds, module = int(sys.argv[1]), int(sys.argv[2]), "test." + sys.argv[3]
    os.set_inheritable(fd, False)
    sys.argv[1:] = []  # some tests look at it
    support.use_resources = ["curses", "subprocess", "cpu", "decimal", "tzdata", "network"]
    support.verbose = 1
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        suite = chosen(unittest.defaultTestLoader.loadTestsFromName(module))
    except unittest.SkipTest as reason:
        os.write(fd, f"skipped {module}\n".encode())
        sys.exit()
    unittest.TextTestRunner(verbosity=2, resultclass=Result).run(suite)
    os._exit(0)  # threads that a failed test left behind do not matter
