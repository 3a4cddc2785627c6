/** One invented secret of each shape in use; no output may contain any of them. */
export const canaries: readonly { readonly shape: string; readonly secret: string }[] = [
  { shape: 'an IAM token', secret: `t1.9euelZqXk5rJzZyQlp7Pi8bO.${'cAnArY_0-'.repeat(9)}abcde` },
  {
    shape: 'an IAM token with padding',
    secret: `t1.9euelZqXk5rJzZyQlp7Pi8b==.${'cAnArY_1-'.repeat(9)}abc==`,
  },
  { shape: 'an OAuth token', secret: 'y0_AgAAAAAcAnArY2AATuwQAAAAD0000000000000000000' },
  { shape: 'a newer OAuth token', secret: 'y3_Vdheub7w9bIut67GHeL345gfb5GAfd3dZc57' },
  { shape: 'an old OAuth token', secret: 'AQAAAAAAcAnArY4AATuwXXXXXXXXXXXXXXXXXXX' },
  { shape: 'a secret key of Object Storage', secret: 'YCMcAnArY8-KRXqhYpUINdWArH4MINhMyJ6CGU0a1b2c' },
  { shape: 'a session token of Object Storage', secret: `s1.9muilY${'cAnArY_9-'.repeat(30)}` },
  {
    shape: 'a JWT',
    secret:
      'eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhamVjYW5hcnkifQ.cAnArY5SflKxwRJSMeKKF2QT4fwpMeJf36P',
  },
  {
    shape: 'a private key',
    secret: `-----BEGIN PRIVATE KEY-----\n${'MIIEvQcAnArY6BADANBgkqhkiG9w0BAQEFAASC\n'.repeat(3)}-----END PRIVATE KEY-----`,
  },
  {
    shape: 'an RSA private key',
    secret: `-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCcAnArY7AQEA0Z3VS5JJcds3xfn\n-----END RSA PRIVATE KEY-----`,
  },
];
