#!/bin/sh
# Finds the programs that the project needs of the machine, and installs those that are missing.
#
#   scripts/prerequisites.sh [python] [java] [maven] [chromium]
#
# Prints `NAME=path` for each on standard output (nothing else goes there), what it does on standard error.
# Installs by apt-get (as root or by sudo without a password) or by Homebrew; where neither can be had, says in one
# sentence what is missing and how to get it, and exits with 1.
set -eu

say() { printf '%s\n' "$*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

# ---- what is there -------------------------------------------------------------------------------------------------

# A Python of 3.11 or newer that can make virtual environments; $PYTHON first, then the release that the tests run on.
find_python() {
    for name in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3 python; do
        # Running it matters: the name may be a shim of a version manager with nothing behind it.
        path=$(command -v "$name" 2>/dev/null) || continue
        if "$path" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$path"
            return 0
        fi
    done
    return 1
}

# The major version of a java program: 17 for "17.0.15", 1 for "1.8.0_402"; 0 where it does not run.
java_version() {
    version=$("$1" -version 2>&1 | sed -n 's/.*version "\([0-9][0-9]*\).*/\1/p' | head -n 1) || version=
    printf '%s\n' "${version:-0}"
}

# A java program of version 17 or newer: the one in use if it is new enough, else any that is installed.
find_java() {
    [ -z "${JAVA_HOME:-}" ] || set -- "$JAVA_HOME/bin/java"
    path=$(command -v java 2>/dev/null) && set -- "$@" "$path"
    for path in "$@" "${JAVA_ROOT:-/usr/lib/jvm}"/*/bin/java \
        /opt/homebrew/opt/openjdk*/bin/java /usr/local/opt/openjdk*/bin/java \
        /Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java; do
        if [ -x "$path" ] && [ "$(java_version "$path")" -ge 17 ]; then
            printf '%s\n' "$path"
            return 0
        fi
    done
    return 1
}

find_maven() { command -v mvn; }

find_chromium() {
    for name in chromium chromium-browser google-chrome google-chrome-stable \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" /Applications/Chromium.app/Contents/MacOS/Chromium; do
        path=$(command -v "$name" 2>/dev/null) || continue
        # Ubuntu's `chromium-browser` is a script that only tells to install a snap.
        if "$path" --version >/dev/null 2>&1; then
            printf '%s\n' "$path"
            return 0
        fi
    done
    return 1
}

# ---- what can be installed -----------------------------------------------------------------------------------------

title_of() {
    case $1 in
    python) echo 'Python 3.11 or newer (with venv)' ;;
    java) echo 'A JDK, version 17 or newer,' ;;
    maven) echo 'Maven (mvn)' ;;
    chromium) echo 'The browser Chromium, which the browser tests drive,' ;;
    esac
}

# Packages to try, best first; a `+` joins those that belong together.
apt_packages_of() {
    case $1 in
    python) echo 'python3.11+python3.11-venv python3.12+python3.12-venv python3.13+python3.13-venv python3+python3-venv' ;;
    java) echo 'openjdk-17-jdk-headless openjdk-21-jdk-headless default-jdk-headless' ;;
    maven) echo 'maven' ;;
    chromium) echo 'chromium' ;;
    esac
}

brew_package_of() {
    case $1 in
    python) echo 'python@3.12' ;;
    java) echo 'openjdk@17' ;;
    maven) echo 'maven' ;;
    chromium) echo '--cask chromium' ;;
    esac
}

advice_of() {
    if have apt-get; then
        package=$(apt_packages_of "$1")
        echo "install it as root with \`apt-get update && apt-get install $(echo "${package%% *}" | tr '+' ' ')\`"
    else
        case $1 in
        python) echo 'get it from https://www.python.org/downloads/, or name one by the variable PYTHON' ;;
        java) echo 'get it from https://adoptium.net/, or name one by the variable JAVA_HOME' ;;
        maven) echo 'get Apache Maven from its download page and put its bin folder on PATH' ;;
        chromium) echo "install your system's package \`chromium\`" ;;
        esac
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

can_be_root() { [ "$(id -u)" -eq 0 ] || { have sudo && sudo -n true 2>/dev/null; }; }

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 "$@" </dev/null >&2; }

apt_lists_are_fresh=no

# shellcheck disable=SC2086 # lists of packages are split on purpose
install_by_apt() {
    if [ $apt_lists_are_fresh = no ]; then
        # One source out of order must not keep the others from being used.
        apt_get update || say '  apt-get update had trouble; trying with the lists that there are'
        apt_lists_are_fresh=yes
    fi
    for packages in $(apt_packages_of "$1"); do
        packages=$(echo "$packages" | tr '+' ' ')
        first=${packages%% *}
        candidate=$(apt-cache policy "$first" 2>/dev/null | sed -n 's/^ *Candidate: //p')
        case $candidate in
        '' | '(none)') continue ;;
        esac
        apt_get install --no-install-recommends $packages && return 0
    done
    return 1
}

# shellcheck disable=SC2046 # an option and a name
install_by_brew() { NONINTERACTIVE=1 brew install -q $(brew_package_of "$1") </dev/null >&2; }

# ---- one after the other -------------------------------------------------------------------------------------------

require() {
    case $1 in
    python | java | maven | chromium) ;;
    *)
        say "error: '$1' is not a prerequisite; there are python, java, maven and chromium."
        exit 1
        ;;
    esac
    if ! found=$("find_$1"); then
        if have apt-get && can_be_root; then
            say "$(title_of "$1") is missing; installing it by apt-get"
            install_by_apt "$1" || say '  apt-get could not install it'
        elif have brew; then
            say "$(title_of "$1") is missing; installing it by Homebrew"
            install_by_brew "$1" || say '  Homebrew could not install it'
        fi
        if ! found=$("find_$1"); then
            say "error: $(title_of "$1") is missing: $(advice_of "$1"), then run the same command again."
            exit 1
        fi
    fi
    printf '%s=%s\n' "$1" "$found"
}

for name in "$@"; do
    require "$name"
done
