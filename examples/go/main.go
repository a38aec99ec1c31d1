// Routes that only Signet's users reach: one that verifies a token by itself, one that asks Signet as well.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

var (
	signet        = os.Getenv("SIGNET_URL")
	applicationID = os.Getenv("SIGNET_APPLICATION_ID")
	apiToken      = os.Getenv("SIGNET_API_TOKEN")
	verifier      = &Verifier{Issuer: signet, Audience: applicationID + "/session", Type: "session+jwt"}
)

// A check says whose request it is.
type check func(*http.Request) (Claims, error)

// offline lets in whose token Signet signed for this application, and has not expired.
func offline(request *http.Request) (Claims, error) {
	return verifier.Verify(token(request), time.Now())
}

// online lets in whose token has not been ended either: by a log-out, another password, an operator.
func online(request *http.Request) (Claims, error) {
	claims, err := offline(request)
	if err != nil {
		return claims, err
	}
	form := strings.NewReader(url.Values{"token": {token(request)}}.Encode())
	asked, err := http.NewRequestWithContext(request.Context(), "POST", signet+"/oauth2/introspect", form)
	if err != nil {
		return Claims{}, err
	}
	asked.SetBasicAuth(applicationID, apiToken)
	asked.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := client.Do(asked)
	if err != nil {
		return Claims{}, err
	}
	defer answer.Body.Close()
	var said struct{ Active bool }
	if answer.StatusCode != http.StatusOK || json.NewDecoder(answer.Body).Decode(&said) != nil {
		return Claims{}, fmt.Errorf("introspection: %s", answer.Status)
	}
	if !said.Active {
		return Claims{}, errRefused
	}
	return claims, nil
}

func token(request *http.Request) string {
	scheme, token, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

// guarded answers with what belongs to the user whom the check lets in.
func guarded(check check, what string) http.HandlerFunc {
	return func(response http.ResponseWriter, request *http.Request) {
		status, body := http.StatusOK, map[string]any{}
		claims, err := check(request)
		switch {
		case err == nil:
			body = map[string]any{what: []string{}, "user": claims.Subject}
		case errors.Is(err, errRefused):
			status, body["detail"] = http.StatusUnauthorized, "a good session token is needed"
			response.Header().Set("WWW-Authenticate", "Bearer")
		default: // Signet could not be asked, so nobody comes in.
			log.Print(err)
			status, body["detail"] = http.StatusServiceUnavailable, "try again"
		}
		response.Header().Set("Content-Type", "application/json")
		response.WriteHeader(status)
		_ = json.NewEncoder(response).Encode(body)
	}
}

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8000"
	}
	http.Handle("/orders", guarded(offline, "orders"))
	http.Handle("/payments", guarded(online, "payments"))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, nil))
}
