# SPDX-License-Identifier: ISC
# The vault of docker/compose.yaml. What leaves its container goes to 127.0.0.1 of this machine only:
# put TLS here (tls_cert_file, tls_key_file) before publishing it further.
listener "tcp" {
  address     = "0.0.0.0:8200"
  allow_plain = true
}

database {
  host = "/var/run/postgresql"
  name = "rotunda"
  user = "rotunda"
}

seal "shamir" {}
