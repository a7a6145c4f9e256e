# SPDX-License-Identifier: BSD-2-Clause
"""test_handle.py - lwf.Handle with a running lwfd: every frame one answer, in every state."""
import asyncio
import collections
import errno
import os
import select
import signal
import tempfile
import threading
import time
import unittest

from live import PATIENCE, STACK, Capture, LiveTest, frame, lwfctl, rx_packets, tx_packets
import lwf


class Frames(LiveTest):
    def test_leave_byte_for_byte_and_in_order(self):
        sent = [frame(number, 60 + number) for number in range(300)]
        with tempfile.TemporaryDirectory() as folder:
            capture = Capture(f"{folder}/far.pcap")
            handle = self.open()
            ids = [handle.submit(data, context=("number", number)) for number, data in enumerate(sent)]
            answers = self.answers(handle, len(sent))
            self.assertEqual(capture.frames(), sent)
        self.assertEqual(self.left(), len(sent))
        self.assertEqual([answer.id for answer in answers], ids)
        self.assertEqual([answer.context for answer in answers], [("number", n) for n in range(len(sent))])
        self.assertEqual({(answer.status, answer.ok, answer.refused, answer.frames) for answer in answers},
                         {("SUCCESS", True, False, 1)})
        self.assertEqual([answer.bytes for answer in answers], [len(data) for data in sent])
        self.assertEqual(str(answers[0]), "SUCCESS")

    def test_in_batches(self):
        handle = self.open()
        ids, frames = [], [frame(number) for number in range(500)]
        while len(ids) < len(frames):
            ids += handle.submit_many(frames[len(ids):])
        self.assertEqual(len(set(ids)), len(frames))
        self.assertEqual({answer.status for answer in self.answers(handle, len(frames))}, {"SUCCESS"})
        self.assertEqual(self.left(), len(frames))
        self.assertEqual(handle.submit_many([]), [])
        with self.assertRaises(lwf.Usage):
            handle.submit_many([frame(0)], contexts=[1, 2])

    def test_of_other_types_than_bytes(self):
        handle = self.open()
        for data in (bytearray(frame(1)), memoryview(frame(2)), frame(3).replace(b"\x01", b"\0")):
            handle.submit(data)
        self.assertEqual({answer.bytes for answer in self.answers(handle, 3)}, {60})

    def test_towards_the_host(self):
        before = rx_packets("lwf0")
        handle = self.open()
        handle.submit_many([frame(number) for number in range(10)], receive=True)
        self.assertEqual({answer.status for answer in self.answers(handle, 10)}, {"SUCCESS"})
        self.assertEqual(rx_packets("lwf0") - before, 10)
        self.assertEqual(self.left(), 0)

    def test_that_cannot_be(self):
        handle = self.open()
        handle.submit(b"short", context="runt")
        handle.submit(frame(0, 1515), context="long")
        handle.submit(frame(0), short=True, context="cut")
        handle.submit(frame(0), truncated=True, context="told")
        answers = {answer.context: answer for answer in self.answers(handle, 4)}
        self.assertEqual({key: answer.status for key, answer in answers.items()},
                         {"runt": "INVALID_LENGTH", "long": "INVALID_LENGTH", "cut": "INVALID_LENGTH",
                          "told": "SUCCESS"})
        self.assertEqual(answers["runt"].reason, "too-short")
        self.assertRegex(str(answers["long"]), "^INVALID_LENGTH: longer than the MTU")
        self.assertEqual(self.left(), 1)


class States(LiveTest):
    def test_paused_fails_at_once(self):
        handle = self.open()
        self.pause()
        handle.submit_many([frame(number) for number in range(10)])
        answers = self.answers(handle, 10)
        self.assertEqual({(answer.status, answer.reason, answer.refused, answer.ok, answer.errno, answer.win32)
                          for answer in answers}, {("PAUSED", "not-running", True, False, errno.EAGAIN, 0)})
        self.assertEqual(self.left(), 0)
        self.assertEqual(handle.state, "Paused")

    def test_paused_waits_if_asked_to(self):
        handle = self.open(when_paused="wait")
        self.pause()
        handle.submit_many([frame(number) for number in range(10)])
        self.assertFalse(handle.wait(0.3))
        self.assertFalse(handle.flush(0.1))
        self.assertEqual((self.left(), handle.outstanding), (0, 10))
        self.restart()
        self.assertTrue(handle.flush(PATIENCE))
        self.assertEqual(handle.outstanding, 10)  # answered, not yet polled
        self.assertEqual([answer.status for answer in handle.poll()], ["SUCCESS"] * 10)
        self.assertEqual((self.left(), handle.outstanding), (10, 0))

    def test_paused_waits_for_a_time(self):
        handle = self.open(when_paused="wait", wait=0.3)
        self.pause()
        begun = time.monotonic()
        handle.submit(frame(1))
        answers = self.answers(handle, 1)
        self.assertGreaterEqual(time.monotonic() - begun, 0.3)
        self.assertEqual((answers[0].status, self.left()), ("PAUSED", 0))

    def test_as_npcap_has_it(self):
        handle = self.open(when_paused="npcap")
        self.pause()
        handle.submit(frame(1))
        answer, = self.answers(handle, 1)
        self.assertEqual((answer.status, answer.win32, answer.errno), ("PAUSED", 1617, errno.ENETDOWN))
        self.assertRegex(str(answer), r"^PAUSED: .* \(ERROR_DEVICE_REMOVED")

    def test_come_as_events(self):
        handle = self.open(state_events=True)

        def next_state():
            self.assertTrue(handle.wait(PATIENCE))
            return handle.poll()[-1]

        first = next_state()
        self.assertEqual(first[:2], ("Running", handle.epoch))
        self.pause()
        paused = next_state()
        self.assertEqual(paused[:2], ("Paused", first.epoch))
        self.assertGreater(paused.changes, first.changes)
        lwfctl("detach", STACK)
        while next_state().state != "Detached":
            pass
        self.restart_all()
        while handle.state != "Running":
            next_state()
        self.assertGreater(handle.epoch, first.epoch)
        handle.submit(frame(1))
        self.assertTrue(handle.flush(PATIENCE))
        self.assertEqual([str(event) for event in handle.poll() if isinstance(event, lwf.Answer)], ["SUCCESS"])

    def restart_all(self):
        lwfctl("wait", STACK, "--state", "detached", "--timeout", "10s")
        self.restart_quietly()
        lwfctl("attach", STACK)

    def restart_quietly(self):
        try:
            self.restart()
        except Exception:  # refused as long as it is detached, but the hold is lifted
            pass

    def test_detached_answers_paused(self):
        handle = self.open()
        lwfctl("detach", STACK)
        self.addCleanup(lwfctl, "attach", STACK)
        handle.submit(frame(1))
        self.assertEqual([(answer.status, answer.reason) for answer in self.answers(handle, 1)],
                         [("PAUSED", "detached")])


class Calls(LiveTest):
    def test_cancel_by_number(self):
        handle = self.open()
        lwfctl("filter", "insert", STACK, "hold:frames=8")  # what it keeps is neither sent nor answered
        self.addCleanup(lwfctl, "filter", "remove", f"{STACK}/hold")
        for number in (7, 8):
            handle.submit_many([frame(number)] * 4, cancel_id=number, contexts=[number] * 4)
        self.assertFalse(handle.wait(0.2))
        handle.cancel(7)
        self.assertEqual({(answer.context, answer.status) for answer in self.some(handle, 4)}, {(7, "SEND_ABORTED")})
        self.assertFalse(handle.wait(0.1))
        lwfctl("filter", "set", f"{STACK}/hold", "release=on")
        self.assertEqual({(answer.context, answer.status) for answer in self.answers(handle, 4)}, {(8, "SUCCESS")})
        self.assertEqual(self.left(), 4)

    def some(self, handle, count):
        found = []
        while len(found) < count:
            self.assertTrue(handle.wait(PATIENCE))
            found += handle.poll(count - len(found))
        return found

    def test_no_room(self):
        handle = self.open(when_paused="wait")
        self.pause()
        taken = 0
        with self.assertRaises(lwf.NoRoom) as caught:
            while True:
                handle.submit(frame(taken), cancel_id=1)
                taken += 1
        self.assertEqual(caught.exception.exit, 6)
        self.assertRegex(str(caught.exception), "^eth1: the rings are full; take answers")
        self.assertGreaterEqual(taken, 4096)
        handle.cancel()
        self.assertEqual({answer.status for answer in self.answers(handle, taken)}, {"SEND_ABORTED"})
        self.restart()
        handle.submit(frame(0))
        self.assertEqual([answer.status for answer in self.answers(handle, 1)], ["SUCCESS"])

    def test_no_room_as_an_answer(self):
        handle = self.open(when_paused="wait", answer_resources=True)
        self.pause()
        count = 0
        with self.assertRaises(lwf.NoRoom):  # a program that never takes its answers is told at last
            while True:
                handle.submit(frame(count), cancel_id=1)
                count += 1
        handle.cancel()
        counts = collections.Counter(answer.status for answer in self.answers(handle, count))
        self.assertEqual(set(counts), {"SEND_ABORTED", "RESOURCES"})

    def test_sign_of_life(self):
        handle = self.open()
        handle.ping()
        handle.ping(1.0)
        self.assertIsNone(handle.gone)
        self.assertIn(handle.session, [one["id"] for one in lwf.show(STACK)["stacks"][0]["sessions"]])

    def test_accounts(self):
        handle = self.open()
        handle.submit_many([frame(number, 100) for number in range(20)])
        handle.submit(b"short")
        self.assertEqual(handle.stats()["in_flight"], 21)
        self.assertEqual(handle.stats()["completed"], {})
        self.answers(handle, 21)
        self.pause()
        handle.submit(frame(1))
        self.answers(handle, 1)
        account = handle.stats()
        self.assertEqual(account["completed"]["SUCCESS"], 20)
        self.assertEqual(account["refused"]["PAUSED"], 1)
        self.assertEqual(sum(account["completed"].values()) + sum(account["refused"].values()), 22)
        self.assertEqual([account[name] for name in ("submitted", "sent", "frames", "bytes", "in_flight")],
                         [22, 20, 20, 2000, 0])
        self.assertEqual(handle.ledger(), account)

    def test_by_interface(self):
        with lwf.Handle(nic="eth1") as handle:
            handle.submit(frame(1))
            self.assertEqual([str(answer) for answer in self.answers(handle, 1)], ["SUCCESS"])

    def test_events_until_it_is_quiet(self):
        handle = self.open()
        handle.submit_many([frame(number) for number in range(200)])
        self.assertEqual(len(list(handle.events(0.3))), 200)

    def test_closed(self):
        with self.open() as handle:
            handle.submit(frame(1))
        for call in (handle.poll, handle.fileno, handle.flush, lambda: handle.submit(frame(1))):
            with self.assertRaises(ValueError):
                call()
        handle.close()

    def test_two_handles(self):
        first, second = self.open(), self.open()
        self.assertNotEqual(first.session, second.session)
        first.submit(frame(1), context=1)
        second.submit(frame(2), context=2)
        self.assertEqual([answer.context for answer in self.answers(second, 1)], [2])
        self.assertEqual([answer.context for answer in self.answers(first, 1)], [1])


class Waiting(LiveTest):
    def test_select(self):
        handle = self.open()
        self.assertEqual(handle.poll(), [])
        self.assertEqual(select.select([handle], [], [], 0.1)[0], [])
        handle.submit(frame(1))
        self.assertEqual(select.select([handle], [], [], PATIENCE)[0], [handle])
        self.assertEqual(len(handle.poll()), 1)

    def test_asyncio(self):
        handle = self.open()
        found = []

        async def main():
            done = asyncio.get_running_loop().create_future()

            def hear():
                while True:
                    events = handle.poll()
                    if not events:
                        break
                    found.extend(events)
                if len(found) == 100 and not done.done():
                    done.set_result(None)

            asyncio.get_running_loop().add_reader(handle, hear)
            hear()
            for number in range(100):
                handle.submit(frame(number))
                await asyncio.sleep(0)
            await asyncio.wait_for(done, PATIENCE)

        asyncio.run(main())
        self.assertEqual({answer.status for answer in found}, {"SUCCESS"})

    def test_a_signal_ends_a_wait_as_python_has_it(self):
        class Alarm(Exception):
            pass

        def ring(*_):
            raise Alarm

        handle = self.open()
        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, ring))
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with self.assertRaises(Alarm):
            handle.wait(PATIENCE)
        handle.submit(frame(1))
        self.answers(handle, 1)

    def test_threads_take_turns(self):
        handle = self.open()
        count, found = 2000, []

        def send(first):
            for number in range(first, first + count):
                while True:
                    try:
                        handle.submit(frame(number), context=number)
                        break
                    except lwf.NoRoom:
                        time.sleep(0.001)

        threads = [threading.Thread(target=send, args=(first,)) for first in (0, count, 2 * count)]
        for thread in threads:
            thread.start()
        while len(found) < 3 * count and handle.wait(PATIENCE):
            found += handle.poll()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(answer.context for answer in found), list(range(3 * count)))
        self.assertEqual(self.left(), sum(answer.ok for answer in found))

    def test_another_thread_is_not_kept_waiting(self):
        self.addCleanup(setattr, lwf, "LOOK", lwf.LOOK)
        lwf.LOOK = PATIENCE  # a sleeper does not wake by itself
        handle = self.open()
        waiter = threading.Thread(target=handle.wait, args=(PATIENCE,))
        waiter.start()
        time.sleep(0.2)  # asleep by now
        begun = time.monotonic()
        handle.submit(frame(1))
        waiter.join(PATIENCE)
        self.assertLess(time.monotonic() - begun, PATIENCE / 2)
        self.answers(handle, 1)


class Errors(LiveTest):
    def fails(self, kind, code, words, call, *args, **options):
        with self.assertRaises(kind) as caught:
            call(*args, **options)
        self.assertEqual(caught.exception.exit, code)
        self.assertRegex(str(caught.exception), words)

    def test_have_words_and_an_exit_code(self):
        self.fails(lwf.NoSuchStack, 5, "^gone0: ", lwf.Handle, "gone0")
        self.fails(lwf.NoSuchStack, 5, "^gone0: ", lwf.show, "gone0")
        self.fails(lwf.NoSuchStack, 5, "gone", lwf.Handle, STACK, module="gone")
        self.fails(lwf.Unreachable, 3, "^/nowhere/control: .*start lwfd", lwf.Handle, STACK,
                   control="/nowhere/control")
        self.fails(lwf.Unreachable, 3, "^/nowhere/control: .*start lwfd", lwf.show, control="/nowhere/control")
        self.fails(lwf.Usage, 2, "^when_paused: 'perhaps' is none of", lwf.Handle, STACK, when_paused="perhaps")
        self.fails(lwf.Usage, 2, "^wait: frames do not wait with", lwf.Handle, STACK, wait=1.0)
        self.fails(lwf.NoSuchStack, 5, "^gone0: ", lwf.Handle, nic="gone0")
        self.fails(lwf.Usage, 2, "stack", lwf.Handle)

    def test_a_library_that_is_not_there(self):
        named, loaded = os.environ["LWF_CLIENT_LIBRARY"], lwf._library
        self.addCleanup(setattr, lwf, "_library", loaded)
        self.addCleanup(os.environ.__setitem__, "LWF_CLIENT_LIBRARY", named)
        os.environ["LWF_CLIENT_LIBRARY"], lwf._library = "/nowhere/liblwf-client.so.0", None
        self.fails(lwf.Error, 1, "^liblwf-client.so.0: .*LWF_CLIENT_LIBRARY=", lwf.Handle, STACK)

    def test_show_and_ledger(self):
        handle = self.open()
        handle.submit_many([frame(number) for number in range(7)])
        self.answers(handle, 7)
        self.assertEqual(lwf.show(STACK)["stacks"][0]["state"], "Running")
        self.assertEqual(lwf.show()["stacks"][0]["name"], STACK)
        sessions = lwf.ledger(STACK)["stacks"][0]["sessions"]
        self.assertEqual([one["submitted"] for one in sessions if one["id"] == handle.session], [7])


class Death(LiveTest):
    """Run last: lwfd does not live through it."""

    def tearDown(self):
        pass

    def test_unknown_never_success(self):
        handle, told = self.open(when_paused="wait"), self.open()
        told.submit(frame(1))
        self.assertTrue(told.flush(PATIENCE))
        self.pause()
        handle.submit_many([frame(number) for number in range(5)], contexts=list(range(5)))
        before = tx_packets()
        os.kill(int(os.environ["LWF_TEST_LWFD"]), signal.SIGKILL)
        found = list(handle.events())
        self.assertEqual([(answer.context, answer.status) for answer in found], [(n, "UNKNOWN") for n in range(5)])
        self.assertEqual([answer.status for answer in told.events()], ["SUCCESS"])
        self.assertEqual(tx_packets(), before)
        for call in (handle.wait, handle.poll, handle.ping, lambda: handle.submit(frame(1))):
            with self.assertRaises(lwf.Gone) as caught:
                call()
            self.assertEqual(caught.exception.exit, 3)
        self.assertTrue(handle.gone)
        self.assertEqual((handle.state, handle.outstanding), ("Detached", 0))


if __name__ == "__main__":
    unittest.main()
