# Sourced by the scripts that a person runs first. Brings the checkout to where `npm run` works, and is safe to run again.
# Sets ROOT, changes to it, and puts the pinned runtime first on PATH.

ROOT="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)"
cd -- "$ROOT" || exit 1

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# Only npm runs on the machine's own Node: everything else runs on the version that package-lock.json pins.
require_node() {
  command -v node >/dev/null && command -v npm >/dev/null ||
    die 'Node.js 20 or later and npm are needed. On Debian or Ubuntu: https://nodejs.org/en/download, then run this again.'
  local major
  major="$(node -p 'process.versions.node.split(".")[0]')"
  [ "$major" -ge 20 ] || die "Node.js 20 or later is needed; this machine has $(node --version)."
}

# A stamp with the lockfile's hash is written last: an interrupted installation is repeated, and so is one of another lockfile.
install_packages() {
  local stamp=node_modules/.installed-lockfile wanted
  wanted="$(sha256sum < package-lock.json)"
  if [ ! -x node_modules/.bin/node ] || [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    say 'Installing the packages that package-lock.json pins (npm ci) …'
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 || die 'npm ci failed: see above.'
    printf '%s\n' "$wanted" > "$stamp"
  fi
  [ -x node_modules/.bin/node ] || die "There is no pinned runtime for this platform ($(uname -sm)): Linux on x64 or arm64 is needed."
  export PATH="$ROOT/node_modules/.bin:$PATH"
}

# Debian packages, where this is root's machine. False, having said what to run, where it is not or they were not to be had.
install_debian_packages() {
  [ "$#" -gt 0 ] || return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing $* (apt-get) …"
    if [ -z "${APT_LISTS_ARE_NEW:-}" ]; then
      apt-get update -qq >&2 && APT_LISTS_ARE_NEW=yes
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 && return 0
    say 'apt-get failed: see above.'
  fi
  say "Missing: $*. Run this once, then run this script again:"
  say "  sudo apt-get update && sudo apt-get install -y $*"
  return 1
}

# The software TPM and the tools that check ours against a stranger's. $1: 'needed' or 'wished'.
install_tpm_tools() {
  local missing=()
  command -v swtpm >/dev/null || missing+=(swtpm)
  command -v swtpm_setup >/dev/null && command -v swtpm_localca >/dev/null || missing+=(swtpm-tools)
  command -v tpm2_quote >/dev/null || missing+=(tpm2-tools)
  install_debian_packages "${missing[@]}" || [ "$1" != needed ] || exit 1
}

# The database server and the HSM that the stores and the signers are tested with. Wished for: their tests say so where they are skipped.
install_test_servers() {
  install_postgresql || true
  local missing=()
  command -v softhsm2-util >/dev/null || missing+=(softhsm2)
  if ! node -e "require('pkcs11js')" 2>/dev/null; then
    command -v python3 >/dev/null || missing+=(python3)
    command -v make >/dev/null || missing+=(make)
    command -v g++ >/dev/null || missing+=(g++)
  fi
  install_debian_packages "${missing[@]}" || return 0
  build_pkcs11_binding || say 'Tests with a PKCS #11 token are skipped.'
}

# The programs alone. Debian's package would make a database of its own and start it: not asked for, and not ours to leave running.
install_postgresql() {
  local settings=/etc/postgresql-common/createcluster.conf
  ! compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || return 0
  install_debian_packages postgresql-common || return 1
  cp -p "$settings" "$settings.before-muster"
  printf '\ncreate_main_cluster = false\n' >> "$settings"
  local outcome=0
  install_debian_packages postgresql || outcome=1
  mv "$settings.before-muster" "$settings"
  return "$outcome"
}

# The optional package's native half, against the headers that are in the pinned runtime's package: nothing is downloaded.
build_pkcs11_binding() {
  ! node -e "require('pkcs11js')" 2>/dev/null || return 0
  local headers tool
  for tool in python3 make g++; do
    command -v "$tool" >/dev/null || { say "$tool is missing. On Debian or Ubuntu: apt-get install -y python3 make g++"; return 1; }
  done
  say 'Compiling the PKCS #11 binding …'
  headers="$(dirname -- "$(dirname -- "$(readlink -f node_modules/.bin/node)")")"
  npm_config_nodedir="$headers" npm rebuild pkcs11js --ignore-scripts=false --loglevel=error >&2 &&
    node -e "require('pkcs11js')" && return 0
  say 'The PKCS #11 binding was not built: see above.'
  return 1
}
