package graphtest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
)

// jwt is a parsed JSON Web Token in compact form. It supports only what tokens and
// client assertions need.
type jwt struct {
	header    map[string]any
	claims    map[string]any
	signed    string // the part that the signature covers
	signature []byte
}

var errNoJWT = errors.New("not a JSON web token")

func parseJWT(text string) (*jwt, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || len(text) > 64<<10 {
		return nil, errNoJWT
	}
	t := &jwt{signed: parts[0] + "." + parts[1]}
	for i, into := range []*map[string]any{&t.header, &t.claims} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(data, into) != nil {
			return nil, errNoJWT
		}
	}
	var err error
	if t.signature, err = base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		return nil, errNoJWT
	}
	return t, nil
}

func (t *jwt) text(claim string) string { s, _ := t.claims[claim].(string); return s }

// time returns a claim in seconds since 1970, or 0 if it is missing.
func (t *jwt) time(claim string) int64 { f, _ := t.claims[claim].(float64); return int64(f) }

// signHS256 signs a token with a key that only the tenant has. To clients, an access
// token is opaque.
func signHS256(claims map[string]any, key []byte) string {
	text := segment(map[string]any{"typ": "JWT", "alg": "HS256"}) + "." + segment(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(sum(key, text))
}

func (t *jwt) verifyHS256(key []byte) bool {
	return t.header["alg"] == "HS256" && hmac.Equal(t.signature, sum(key, t.signed))
}

// verifyRSA accepts the two algorithms that Entra accepts in client assertions.
func (t *jwt) verifyRSA(key *rsa.PublicKey) bool {
	digest := sha256.Sum256([]byte(t.signed))
	switch t.header["alg"] {
	case "RS256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], t.signature) == nil
	case "PS256":
		return rsa.VerifyPSS(key, crypto.SHA256, digest[:], t.signature, nil) == nil
	}
	return false
}

func segment(v map[string]any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, numbers and lists always marshal
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
