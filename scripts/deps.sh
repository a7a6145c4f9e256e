#!/bin/sh
# deps.sh - the one list of the packages that the project uses, and what installs them.
#
# usage: scripts/deps.sh [--check] [SET...]      sets: build demo test bench (default: all)
#
# As root it installs what is missing with apt-get and is silent when nothing is. As anybody else
# (also as the root of a user namespace), or without apt-get, it names what is missing and the
# command. Exit 0: all there. 1: something is still missing.
#
# A package counts as there when its probe answers, so that tools from elsewhere are as good.
# Names are those of Debian 12.
set -u

# set    package              probe (cmd:PROGRAM, pc:PKG-CONFIG MODULE, h:HEADER, rt: a sanitizer runtime,
#                             py:MODULE of the first python3, or of Debian's)
list() {
	cat <<-END
		build  cmake               cmd:cmake
		build  ninja-build         cmd:ninja
		build  gcc                 cmd:gcc
		build  libc6-dev           h:stdio.h
		build  linux-libc-dev      h:linux/if_packet.h
		build  pkg-config          cmd:pkg-config
		build  libevent-dev        pc:libevent_pthreads
		build  libnl-3-dev         pc:libnl-3.0
		build  libnl-route-3-dev   pc:libnl-route-3.0
		build  libpcap-dev         pc:libpcap
		build  libjansson-dev      pc:jansson
		build  libcap-ng-dev       pc:libcap-ng
		build  libseccomp-dev      pc:libseccomp
		build  scdoc               cmd:scdoc
		demo   iproute2            cmd:ip
		demo   iproute2            cmd:tc
		demo   util-linux          cmd:unshare
		demo   procps              cmd:sysctl
		demo   iputils-ping        cmd:ping
		demo   iperf3              cmd:iperf3
		demo   ethtool             cmd:ethtool
		demo   python3             cmd:python3
		test   git                 cmd:git
		test   g++                 cmd:g++
		test   clang               cmd:clang
		test   libclang-rt-14-dev  rt:clang
		test   llvm                cmd:llvm-symbolizer
		test   clang-format        cmd:clang-format
		test   clang-tidy          cmd:clang-tidy
		test   cppcheck            cmd:cppcheck
		test   shellcheck          cmd:shellcheck
		test   pyflakes3           cmd:pyflakes3
		test   libcmocka-dev       pc:cmocka
		test   jq                  cmd:jq
		test   tshark              cmd:tshark
		test   tcpdump             cmd:tcpdump
		test   tcpreplay           cmd:tcpreplay
		test   python3-scapy       py:scapy
		test   socat               cmd:socat
		test   gzip                cmd:gzip
		test   zstd                cmd:zstd
		test   xz-utils            cmd:xz
		test   lz4                 cmd:lz4
		test   spin                cmd:spin
		test   chromium            cmd:chromium
		bench  socat               cmd:socat
		bench  tcpreplay           cmd:tcpreplay
		bench  netsniff-ng         cmd:trafgen
	END
}

there() { # PROBE
	case $1 in
	cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 || [ -x "/usr/sbin/${1#cmd:}" ] || [ -x "/sbin/${1#cmd:}" ] ;;
	pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
	h:*) echo "#include <${1#h:}>" | gcc -E - >/dev/null 2>&1 ;;
	py:*) python3 -c "import ${1#py:}" >/dev/null 2>&1 || /usr/bin/python3 -c "import ${1#py:}" >/dev/null 2>&1 ;;
	rt:*) echo 'int main(void){return 0;}' | clang -fsanitize=address -x c -o /dev/null - >/dev/null 2>&1 ;;
	*) return 1 ;;
	esac
}

missing() { # SET...
	list | while read -r set package probe; do
		case " $* " in
		*" $set "*) there "$probe" || echo "$package" ;;
		esac
	done | sort -u | tr '\n' ' '
}

# Root here, with more than one user to be: an apt-get in `unshare -Ur` could not change owners.
real_root() {
	[ "$(id -u)" = 0 ] && awk '{n += $3} END {exit n < 65534}' /proc/self/uid_map
}

install() { # PACKAGE...
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq -o Acquire::Retries=2 -o Acquire::http::Timeout=30 update </dev/null >/dev/null &&
		apt-get -qq -y -o Acquire::Retries=2 -o Dpkg::Use-Pty=0 --no-install-recommends \
			install "$@" </dev/null >/dev/null
}

check=
sets=
for word; do
	case $word in
	--check) check=1 ;;
	build | demo | test | bench) sets="$sets $word" ;;
	--help | -h)
		sed -n '2,/^set -u/s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*)
		echo "deps.sh: unknown word '$word'; sets are build demo test bench" >&2
		exit 2
		;;
	esac
done
# shellcheck disable=SC2086 # a list of words
set -- ${sets:-build demo test bench}

need=$(missing "$@")
[ -n "$need" ] || exit 0
if [ -z "$check" ] && real_root && command -v apt-get >/dev/null 2>&1; then
	echo "deps.sh: installing $need" >&2
	# shellcheck disable=SC2086 # a list of packages
	install $need || { sleep 5; install $need; }
	need=$(missing "$@")
	[ -n "$need" ] || exit 0
	echo "deps.sh: apt-get could not install everything" >&2
fi
echo "deps.sh: missing: $need" >&2
echo "deps.sh: as root: apt-get update && apt-get install -y $need" >&2
exit 1
