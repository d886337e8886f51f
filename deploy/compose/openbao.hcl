# OpenBao for docker-compose.yml. At its first start it makes the CA's key, the service's policy and login by itself (`initialize`), and revokes
# its root token: nobody ever has one. It unseals by a key in its volume, so whoever has the volume has the key: for trying out.
ui           = false
api_addr     = "https://openbao:8200"
cluster_addr = "https://openbao:8201"

listener "tcp" {
  address         = "0.0.0.0:8200"
  cluster_address = "127.0.0.1:8201"
  tls_cert_file   = "/etc/openbao/server.pem"
  tls_key_file    = "/etc/openbao/server.key"
  tls_min_version = "tls13"
}

storage "raft" {
  path    = "/var/lib/openbao"
  node_id = "openbao"
}

seal "static" {
  current_key_id = "first"
  current_key    = "file:///etc/openbao/seal.key"
}

initialize "signer" {
  request "transit" {
    operation = "update"
    path      = "sys/mounts/transit"
    data      = { type = "transit" }
  }

  request "key" {
    operation = "update"
    path      = "transit/keys/muster-ca"
    data      = { type = "ecdsa-p256" }
  }

  request "policy" {
    operation = "update"
    path      = "sys/policies/acl/muster-signer"
    data = {
      policy = {
        eval_type   = "string"
        eval_source = "file"
        path        = "/etc/openbao.d/muster-signer.hcl"
      }
    }
  }

  request "approle" {
    operation = "update"
    path      = "sys/auth/approle"
    data      = { type = "approle" }
  }

  request "role" {
    operation = "update"
    path      = "auth/approle/role/muster"
    data      = { token_policies = "muster-signer", token_ttl = "1h" }
  }

  request "role-id" {
    operation = "update"
    path      = "auth/approle/role/muster/role-id"
    data = {
      role_id = {
        eval_type   = "string"
        eval_source = "file"
        path        = "/etc/openbao/role-id"
      }
    }
  }

  request "secret-id" {
    operation = "update"
    path      = "auth/approle/role/muster/custom-secret-id"
    data = {
      secret_id = {
        eval_type   = "string"
        eval_source = "file"
        path        = "/etc/openbao/secret-id"
      }
    }
  }
}
