package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

var errRefused = errors.New("no good session token")

var client = &http.Client{Timeout: 5 * time.Second}

// Claims are what this example reads of a token.
type Claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"` // one string: a list is refused
	Subject  string `json:"sub"`
	Expires  int64  `json:"exp"`
}

type jwk struct{ Kty, Crv, Alg, Kid, X, Y, N, E string }

// Verifier verifies tokens by the public keys, which it keeps for five minutes.
type Verifier struct {
	Issuer, Audience, Type string

	lock    sync.Mutex
	keys    map[string]jwk
	fetched time.Time
}

// Verify gives the claims of a token that was signed for the audience and has not expired. Any other is errRefused;
// another error says that the keys could not be had.
func (v *Verifier) Verify(token string, now time.Time) (claims Claims, err error) {
	parts := strings.Split(token, ".")
	if len(token) > 8192 || len(parts) != 3 {
		return claims, errRefused
	}
	var header struct{ Alg, Kid, Typ string }
	signature, failed := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if failed != nil || decode(parts[0], &header) != nil || header.Typ != v.Type {
		return claims, errRefused
	}
	key, err := v.key(header.Kid, now)
	if err != nil {
		return claims, err
	}
	// The key says which algorithm it is for; what the token says must be the same.
	if header.Alg != key.Alg || !isSigned(key, parts[0]+"."+parts[1], signature) {
		return claims, errRefused
	}
	if decode(parts[1], &claims) != nil || claims.Issuer != v.Issuer || claims.Audience != v.Audience ||
		claims.Subject == "" || claims.Expires <= now.Unix() {
		return Claims{}, errRefused
	}
	return claims, nil
}

func (v *Verifier) key(kid string, now time.Time) (jwk, error) {
	v.lock.Lock()
	defer v.lock.Unlock()
	key, known := v.keys[kid]
	age := now.Sub(v.fetched)
	// A key that is not known may be new. Whoever makes them up has us look twice a minute, and not more often.
	if age > 5*time.Minute || (!known && age > 30*time.Second) {
		if err := v.fetch(now); err != nil {
			return jwk{}, err
		}
		key, known = v.keys[kid]
	}
	if !known {
		return jwk{}, errRefused
	}
	return key, nil
}

func (v *Verifier) fetch(now time.Time) error {
	answer, err := client.Get(v.Issuer + "/.well-known/jwks.json")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var set struct{ Keys []jwk }
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the keys: %s", answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
		return err
	}
	v.keys, v.fetched = map[string]jwk{}, now
	for _, key := range set.Keys {
		v.keys[key.Kid] = key
	}
	return nil
}

func isSigned(key jwk, signed string, signature []byte) bool {
	digest := sha256.Sum256([]byte(signed))
	switch {
	case key.Alg == "ES256" && key.Kty == "EC" && key.Crv == "P-256":
		public := ecdsa.PublicKey{Curve: elliptic.P256(), X: number(key.X), Y: number(key.Y)}
		return len(signature) == 64 && public.Curve.IsOnCurve(public.X, public.Y) && ecdsa.Verify(
			&public, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	case key.Alg == "RS256" && key.Kty == "RSA":
		public := rsa.PublicKey{N: number(key.N), E: int(number(key.E).Int64())}
		return rsa.VerifyPKCS1v15(&public, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}

func decode(part string, into any) error {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func number(text string) *big.Int {
	bytes, _ := base64.RawURLEncoding.DecodeString(text) // nothing of it makes a point that is on no curve
	return new(big.Int).SetBytes(bytes)
}
