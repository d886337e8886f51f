# What the service may do with the key server: sign with the issuing CA's key, look at that key, and keep its own token alive.
# The mount is "transit" and the key "muster-ca": put yours in their place.

path "transit/sign/muster-ca/sha2-256" {
  capabilities = ["update"]
}

path "transit/keys/muster-ca" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}
