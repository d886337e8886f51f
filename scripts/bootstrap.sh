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

# The software TPM and the tools that check ours against a stranger's. $1: 'needed' or 'wished'.
install_tpm_tools() {
  local missing=()
  command -v swtpm >/dev/null || missing+=(swtpm)
  command -v swtpm_setup >/dev/null && command -v swtpm_localca >/dev/null || missing+=(swtpm-tools)
  command -v tpm2_quote >/dev/null || missing+=(tpm2-tools)
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing ${missing[*]} (apt-get) …"
    if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >&2; then
      return 0
    fi
    say 'apt-get failed: see above.'
  fi
  say 'A software TPM is missing. Run this once, then run this script again:'
  say '  sudo apt-get update && sudo apt-get install -y swtpm swtpm-tools tpm2-tools'
  [ "$1" != needed ] || exit 1
}
