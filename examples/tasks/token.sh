#!/usr/bin/env bash
# End-user tokens to try policies with. A key of one's own plays the issuer's; it is not for anything else.
#
# usage: token.sh key FILE               makes a key
#        token.sh jwks FILE              its public part, as RequestAuthentication takes it
#        token.sh sign FILE CLAIMS       a token with these claims (a JSON object), valid for an hour
set -euo pipefail

base64url() { basenc --base64url -w0 | tr -d '='; }

case "${1:-}" in
  key) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$2" ;;
  jwks)
    modulus=$(openssl rsa -in "$2" -noout -modulus | cut -d= -f2 | basenc --base16 -d | base64url)
    printf '{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"demo","n":"%s","e":"AQAB"}]}' "$modulus"
    ;;
  sign)
    now=$(date +%s)
    claims=$(printf '{"iat":%d,"exp":%d,%s' "$now" $((now + 3600)) "${3#\{}")
    unsigned=$(printf '{"alg":"RS256","kid":"demo","typ":"JWT"}' | base64url).$(printf '%s' "$claims" | base64url)
    printf '%s.%s' "$unsigned" "$(printf '%s' "$unsigned" | openssl dgst -sha256 -sign "$2" | base64url)"
    ;;
  *)
    sed -n '4,6s/^# //p' "$0" >&2
    exit 64
    ;;
esac
