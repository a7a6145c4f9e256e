# SPDX-License-Identifier: BSD-2-Clause
"""test_scapy.py - lwf.LwfSocket: scapy's own calls through a stack, and an answer to every packet."""
import functools
import subprocess
import tempfile
import time
import unittest

from scapy.all import ARP, ICMP, IP, Dot1Q, Ether, Raw, conf, sendp, srp, srp1, wrpcap

from live import PATIENCE, STACK, Capture, LiveTest, frame, rx_packets
import lwf

HOST, HOST_MAC = "10.9.0.1", "02:00:00:00:00:01"  # behind the TAP
FAR, FAR_MAC = "10.9.0.2", "02:00:00:00:00:02"
conf.verb = 0


def echo(number=1, source=HOST, source_mac=HOST_MAC, target=FAR, target_mac=FAR_MAC):
    return Ether(src=source_mac, dst=target_mac) / IP(src=source, dst=target) / ICMP(id=77, seq=number) / Raw(b"x" * 30)


def who_has(target=FAR, source=HOST, source_mac=HOST_MAC):
    return Ether(src=source_mac, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=source_mac, psrc=source, pdst=target)


class ScapyTest(LiveTest):
    def link(self, stack=STACK, *args, **options):
        link = lwf.LwfSocket(stack, *args, **options)
        self.addCleanup(link.close)
        return link

    def meanwhile(self, *words):
        self.addCleanup(subprocess.Popen(words, stdout=subprocess.DEVNULL).wait)


class Sending(ScapyTest):
    def test_sendp_byte_for_byte(self):
        packets = [echo(number) for number in range(50)]
        packets += [Ether(dst=FAR_MAC, src=HOST_MAC) / Dot1Q(vlan=5, prio=3) / IP(dst=FAR) / ICMP(), who_has()]
        with tempfile.TemporaryDirectory() as folder:
            capture = Capture(f"{folder}/far.pcap")
            link = self.link()
            sendp(packets, socket=link)
            self.assertTrue(link.flush(PATIENCE))
            frames = capture.frames()
        self.assertEqual(frames[:len(packets)], [bytes(packet) for packet in packets])
        tickets = link.answers()
        self.assertEqual([ticket.packet for ticket in tickets], packets)
        self.assertEqual({(ticket.status, ticket.ok) for ticket in tickets}, {("SUCCESS", True)})
        self.assertEqual(link.answers(), [])
        account = link.ledger()
        self.assertEqual((account["submitted"], account["sent"], account["completed"]),
                         (len(packets), len(packets), {"SUCCESS": len(packets)}))

    def test_send_returns_a_ticket(self):
        link = self.link()
        ticket = link.send(echo())
        self.assertEqual(ticket, len(echo()))  # what any socket of scapy returns
        self.assertTrue(link.flush(PATIENCE))
        self.assertEqual((ticket.status, ticket.ok, ticket.answer.bytes), ("SUCCESS", True, len(echo())))
        self.assertRegex(repr(ticket), r"^<Ticket: \d+ bytes, SUCCESS>$")
        self.assertEqual(link.send(frame(1)), 60)  # bytes are as good

    def test_paused_is_no_success(self):
        link = self.link()
        self.pause()
        tickets = [link.send(echo(number)) for number in range(20)]
        self.assertTrue(link.flush(PATIENCE))
        self.assertEqual({(ticket.status, ticket.ok) for ticket in tickets}, {("PAUSED", False)})
        self.assertEqual(self.left(), 0)
        self.assertEqual(link.ledger()["refused"], {"PAUSED": 20})
        self.assertIsNone(link.sr1(echo(), timeout=0.3))
        self.restart()
        self.assertIsNotNone(link.sr1(echo(), timeout=PATIENCE))

    def test_nobody_knows_before_the_answer(self):
        link = self.link(when_paused="wait")
        self.pause()
        ticket = link.send(echo())
        self.assertEqual((ticket.status, ticket.ok), (None, None))
        self.assertRegex(repr(ticket), "no answer yet")
        self.restart()
        self.assertTrue(link.flush(PATIENCE))
        self.assertTrue(ticket.ok)

    def test_close_waits_for_the_answers(self):
        with self.link(when_paused="wait") as link:
            self.pause()
            ticket = link.send(echo())
            self.meanwhile("sh", "-c", f"sleep 0.3; lwfctl restart {STACK}")
        self.assertEqual(ticket.status, "SUCCESS")

    def test_more_than_the_rings_hold(self):
        link = self.link(iface=False, keep=100)
        sendp([frame(number) for number in range(10000)], socket=link)
        self.assertTrue(link.flush(PATIENCE))
        account = link.ledger()
        self.assertEqual((account["submitted"], sum(account["completed"].values())), (10000, 10000))
        self.assertEqual(self.left(), account["sent"])
        self.assertEqual((len(link.answers()), link.forgotten), (100, 9900))

    def test_no_room_is_waited_for(self):
        link = self.link(iface=False, when_paused="wait", timeout=0.5)
        self.pause()
        begun = time.monotonic()
        with self.assertRaises(lwf.NoRoom):
            while True:
                link.send(frame(1))
        self.assertGreaterEqual(time.monotonic() - begun, 0.5)
        self.restart()
        self.assertTrue(link.flush(PATIENCE))


class Receiving(ScapyTest):
    def test_sr1(self):
        reply = self.link().sr1(echo(), timeout=PATIENCE)
        self.assertEqual((reply[IP].src, reply[ICMP].type, reply[ICMP].id), (FAR, 0, 77))

    def test_sr_tells_who_answered(self):
        answered, silent = self.link().sr([echo(number) for number in range(1, 6)] + [who_has("10.9.0.99")], timeout=1)
        self.assertEqual(sorted(sent[ICMP].seq for sent, _ in answered), [1, 2, 3, 4, 5])
        self.assertEqual([packet[ARP].pdst for packet in silent], ["10.9.0.99"])

    def test_as_the_socket_of_srp(self):
        self.addCleanup(setattr, conf, "L2socket", conf.L2socket)
        conf.L2socket = functools.partial(lwf.LwfSocket, STACK)
        answered, _ = srp(who_has(), iface="lwf0", timeout=PATIENCE)
        self.assertEqual(answered[0][1][ARP].hwsrc, FAR_MAC)
        self.assertEqual(srp1(echo(), iface="lwf0", timeout=PATIENCE)[ICMP].type, 0)
        sendp(echo(), iface="lwf0")
        sessions = lwf.ledger(STACK)["stacks"][0]["clients"]
        self.assertGreaterEqual(sessions["submitted"], 3)

    def test_sniff_with_a_filter(self):
        link = self.link(filter="arp")
        self.meanwhile("ip", "netns", "exec", "far", "sh", "-c",
                       f"ping -c 3 -i 0.1 {HOST}; ip neigh flush dev eth0; ping -c 1 {HOST}")
        got = link.sniff(count=1, timeout=PATIENCE)
        self.assertEqual([packet[ARP].psrc for packet in got], [FAR])

    def test_tags_are_there(self):
        tagged = Ether(dst=HOST_MAC, src=FAR_MAC) / Dot1Q(vlan=9, prio=2) / Raw(b"y" * 60)
        link = self.link()
        with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
            wrpcap(file.name, [tagged])
            subprocess.run(["ip", "netns", "exec", "far", "rawsend", "eth0", file.name], check=True,
                           stdout=subprocess.DEVNULL)
        got = link.sniff(count=1, timeout=PATIENCE, lfilter=lambda packet: Dot1Q in packet)
        self.assertEqual(bytes(got[0]), bytes(tagged))

    def test_towards_the_host_and_back(self):
        before = rx_packets("lwf0")
        link = self.link(direction="receive")
        reply = link.sr1(echo(9, FAR, FAR_MAC, HOST, HOST_MAC), timeout=PATIENCE)
        self.assertEqual((reply[IP].src, reply[ICMP].type, reply[ICMP].seq), (HOST, 0, 9))
        self.assertGreaterEqual(rx_packets("lwf0") - before, 1)
        self.assertEqual(link.ledger()["completed"], {"SUCCESS": 1})

    def test_its_own_packets_are_not_received(self):
        link = self.link()
        sendp(frame(1), socket=link)
        self.assertEqual(len(link.sniff(timeout=0.3, lfilter=lambda packet: packet.type == 0x88b5)), 0)

    def test_nowhere(self):
        link = self.link(iface=False)
        link.send(echo())
        self.assertTrue(link.flush(PATIENCE))
        self.assertEqual(len(link.sniff(timeout=0.2)), 0)
        self.assertEqual(link.ledger()["completed"], {"SUCCESS": 1})


class Errors(ScapyTest):
    def test_have_words(self):
        for kind, words, options in (
                (lwf.NoSuchStack, "^gone0: ", {"stack": "gone0"}),
                (lwf.NoSuchStack, "^gone0: cannot be received from: .*iface=False", {"iface": "gone0"}),
                (lwf.Usage, "^direction: ", {"direction": "up"}),
                (lwf.Usage, "^monitor: ", {"monitor": True}),
                (lwf.Usage, "^when_paused: ", {"when_paused": "perhaps"})):
            with self.assertRaisesRegex(kind, words):
                self.link(**options)
        deadline = time.monotonic() + PATIENCE  # lwfd hears of the end of a session a moment later
        while lwf.ledger(STACK)["stacks"][0]["sessions"] and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(lwf.ledger(STACK)["stacks"][0]["sessions"], [])


if __name__ == "__main__":
    unittest.main()
