#!/usr/bin/env bash
# A stranger's attester: one join by tpm2-tools, openssl and curl, written from docs/join-protocol.md alone.
#
#   SERVICE=https://127.0.0.1:7443 SERVICE_CA=ca.pem AUDIENCE=… NODE_NAME=… TPM2TOOLS_TCTI=… EK_ALGORITHM=rsa|ecc OUT=dir attester.sh
#
# Leaves key.pem and chain.pem in OUT. On a refusal prints the problem document and exits 1.
set -euo pipefail
umask 077

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

b64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
unb64url() { # base64url text on stdin, bytes on stdout
  local text
  text=$(tr -- '-_' '+/')
  while [ $((${#text} % 4)) -ne 0 ]; do text="$text="; done
  printf '%s' "$text" | openssl base64 -d -A
}
member() { # NAME < document: the value of a string member
  tr -d '\n' | sed -n "s/.*\"$1\":[[:space:]]*\"\([^\"]*\)\".*/\1/p"
}
sha256() { openssl dgst -sha256 -binary; }
without_size() { tail -c +3 "$1"; } # TPM2B_PUBLIC to TPMT_PUBLIC

post() { # PATH BODYFILE ANSWERFILE
  local status
  status=$(curl --silent --show-error --tlsv1.3 --cacert "$SERVICE_CA" --output "$3" --write-out '%{http_code}' \
    --header 'Content-Type: application/json' --data-binary "@$2" "$SERVICE$1")
  if [ "$status" != 201 ]; then
    cat "$3" >&2
    exit 1
  fi
}

# The endorsement key, its certificate, and an attestation key under it.
case "$EK_ALGORITHM" in
  rsa) ek_certificate_index=0x01c00002 ;;
  ecc) ek_certificate_index=0x01c0000a ;;
esac
tpm2_createek --quiet --ek-context ek.ctx --key-algorithm "$EK_ALGORITHM" --public ek.pub --format tss
tpm2_createak --quiet --ek-context ek.ctx --ak-context ak.ctx --key-algorithm ecc --hash-algorithm sha256 \
  --signing-algorithm ecdsa --public ak.pub --format tss
tpm2_flushcontext --transient-object
if tpm2_nvread --output ek.der "$ek_certificate_index" 2> nvread.log; then
  ek_certificates="\"$(b64url < ek.der)\""
else
  ek_certificates=
fi

# The challenge.
cat > challenge.json <<JSON
{ "nodeName": "$NODE_NAME",
  "attester": { "kind": "tpm2-quote", "ekPublic": "$(without_size ek.pub | b64url)", "ekCertificates": [$ek_certificates],
                "akPublic": "$(without_size ak.pub | b64url)" } }
JSON
post /v1/challenges challenge.json answer.json
nonce=$(member nonce < answer.json)
bank=$(member hash < answer.json)
pcrs=$(tr -d '\n ' < answer.json | sed -n 's/.*"pcrs":\[\([0-9,]*\)\].*/\1/p')

# The secret, which only the TPM that holds both keys can recover.
{ printf '\272\334\300\336\000\000\000\001'; member credentialBlob < answer.json | unb64url; member encryptedSecret < answer.json | unb64url; } > credential.bin
tpm2_startauthsession --quiet --policy-session --session session.ctx
tpm2_policysecret --quiet --session session.ctx --object-context endorsement
tpm2_activatecredential --quiet --credentialedkey-context ak.ctx --credentialkey-context ek.ctx --credential-blob credential.bin \
  --certinfo-data secret.bin --credentialkey-auth session:session.ctx
tpm2_flushcontext session.ctx
tpm2_flushcontext --transient-object

# The key to be certified, and the quote that binds it.
openssl ecparam -name prime256v1 -genkey -noout -out key.pem
openssl req -new -key key.pem -subj / -outform DER -out csr.der
openssl pkey -in key.pem -pubout -outform DER -out spki.der
qualifying=$({
  printf 'muster-join-v1\000'
  printf '%s' "$AUDIENCE" | sha256
  printf '%s' "$nonce" | unb64url
  printf '%s' "$NODE_NAME" | sha256
  sha256 < spki.der
} | openssl dgst -sha256 -hex | sed 's/.*= *//')
tpm2_quote --quiet --key-context ak.ctx --pcr-list "$bank:$pcrs" --qualification "$qualifying" --hash-algorithm sha256 \
  --message quoted.bin --signature signature.bin --format tss
tpm2_flushcontext --transient-object
tpm2_pcrread --quiet "$bank:$pcrs" --output pcrs.bin
case "$bank" in sha256) digest_size=32 ;; sha384) digest_size=48 ;; esac
values=
position=0
for pcr in ${pcrs//,/ }; do
  value=$(dd if=pcrs.bin bs="$digest_size" skip="$position" count=1 status=none | od -An -v -tx1 | tr -d ' \n')
  values="$values${values:+, }\"$pcr\": \"$value\""
  position=$((position + 1))
done

# The join.
cat > join.json <<JSON
{ "ticket": "$(member ticket < answer.json)", "csr": "$(b64url < csr.der)",
  "evidence": { "kind": "tpm2-quote", "activationSecret": "$(b64url < secret.bin)", "quoted": "$(b64url < quoted.bin)",
                "signature": "$(b64url < signature.bin)", "pcrs": { "$bank": { $values } } } }
JSON
post /v1/joins join.json joined.json

mkdir -p "$OUT"
cp key.pem "$OUT/key.pem"
member chainPem < joined.json | sed 's/\\n/\
/g' > "$OUT/chain.pem"
openssl x509 -in "$OUT/chain.pem" -noout -subject -dates
