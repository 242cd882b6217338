package graphtest

import (
	"net/http"
	"strconv"
	"strings"
)

// managedIdentityApp is the application id of the system-assigned identity. A caller
// may also name it as a user-assigned one.
var managedIdentityApp = derivedGUID("application", "managed identity").String()

// managedIdentity serves the protocol of App Service, version 2019-08-01
// (learn.microsoft.com/azure/app-service/overview-managed-identity, "REST endpoint
// reference").
func (t *Tenant) managedIdentity(header, graph string) http.Handler {
	fail := func(w http.ResponseWriter, status int, message string) {
		writeJSON(w, status, map[string]any{"statusCode": status, "message": message})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		resource := strings.TrimSuffix(q.Get("resource"), "/")
		status := http.StatusOK
		switch {
		case r.Method != http.MethodGet || r.URL.Path != "/msi/token":
			status = http.StatusNotFound
			http.NotFound(w, r)
		case r.Header.Get("X-IDENTITY-HEADER") != header:
			status = http.StatusUnauthorized
			fail(w, status, "The header X-IDENTITY-HEADER is missing or wrong.")
		case q.Get("api-version") != "2019-08-01":
			status = http.StatusBadRequest
			fail(w, status, "Unsupported api-version "+q.Get("api-version")+".")
		case !isGraphAudience(resource, graph):
			status = http.StatusBadRequest
			fail(w, status, "AADSTS500011: The resource principal named "+resource+" was not found in the tenant.")
		case q.Has("client_id") && !strings.EqualFold(q.Get("client_id"), managedIdentityApp), q.Has("principal_id"), q.Has("mi_res_id"):
			status = http.StatusBadRequest
			fail(w, status, "No User Assigned or Delegated Managed Identity found for the specified id.")
		default:
			lifetime := t.tokenLifetime()
			writeJSON(w, status, map[string]any{
				"access_token": t.issueToken(managedIdentityApp, resource, lifetime),
				"expires_on":   strconv.FormatInt(t.now().Add(lifetime).Unix(), 10),
				"resource":     resource,
				"token_type":   "Bearer",
				"client_id":    managedIdentityApp,
			})
		}
		entry := newEntry(r.Method, r.URL.Path, r.URL.RawQuery, r.Header, t.now())
		entry.Status = status
		t.log(entry)
	})
}
