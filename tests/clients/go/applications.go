package main

import (
	"net/http"

	"github.com/hashicorp/go-azure-sdk/sdk/odata"
)

func applications(g graph) {
	var app object
	step("applications", "create", func() (err error) {
		app, err = g.post("/applications", object{"displayName": "From Go", "tags": []string{"go"}})
		return err
	})
	if app == nil {
		return
	}
	at := "/applications/" + app["id"].(string)
	step("applications", "update and read", func() error {
		if err := g.do(http.MethodPatch, at, object{"displayName": "From Go 2"}, 204); err != nil {
			return err
		}
		found, err := g.get(at)
		if err != nil {
			return err
		}
		return expect(found["displayName"] == "From Go 2", "%v", found["displayName"])
	})
	step("applications", "list pages", func() error {
		for _, name := range []string{"Go a", "Go b", "Go c"} {
			if _, err := g.post("/applications", object{"displayName": name}); err != nil {
				return err
			}
		}
		all, err := g.list("/applications", odata.Query{Top: 2})
		if err != nil {
			return err
		}
		return expect(ids(all)[app["id"]] && len(all) >= 4, "%d found", len(all))
	})
	step("applications", "filter, count and order", func() error {
		with := odata.Query{
			ConsistencyLevel: odata.ConsistencyLevelEventual, Count: true,
			Filter: "startsWith(displayName, 'Go ')", OrderBy: odata.OrderBy{Field: "displayName", Direction: odata.Descending},
		}
		all, err := g.list("/applications", with)
		if err != nil {
			return err
		}
		return expect(len(all) == 3 && all[0]["displayName"] == "Go c", "%d found", len(all))
	})
	step("applications", "search", func() error {
		all, err := g.list("/applications", odata.Query{ConsistencyLevel: odata.ConsistencyLevelEventual, Search: "displayName:From Go"})
		if err != nil {
			return err
		}
		return expect(ids(all)[app["id"]], "%d found", len(all))
	})
	step("credentials", "federated", func() error {
		body := object{"name": "go", "issuer": "https://issuer.example", "subject": "go", "audiences": []string{"api://AzureADTokenExchange"}}
		made, err := g.post(at+"/federatedIdentityCredentials", body)
		if err != nil {
			return err
		}
		return g.do(http.MethodDelete, at+"/federatedIdentityCredentials/"+made["id"].(string), nil, 204)
	})
	principals(g, app)
	step("deleted items", "delete and restore", func() error {
		if err := g.do(http.MethodDelete, at, nil, 204); err != nil {
			return err
		}
		if err := g.refused(http.MethodGet, at, nil, 404); err != nil {
			return err
		}
		back, err := g.post("/directory/deletedItems/"+app["id"].(string)+"/restore", object{})
		if err != nil {
			return err
		}
		return expect(back["id"] == app["id"], "%v", back["id"])
	})
}

func principals(g graph, app object) {
	var principal object
	step("service principals", "create", func() (err error) {
		principal, err = g.post("/servicePrincipals", object{"appId": app["appId"]})
		return err
	})
	if principal == nil {
		return
	}
	at := "/servicePrincipals/" + principal["id"].(string)
	step("service principals", "update", func() error {
		return g.do(http.MethodPatch, at, object{"appRoleAssignmentRequired": true}, 204)
	})
	step("app role assignments", "assign and revoke", func() error {
		microsoft, err := g.get("/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')")
		if err != nil {
			return err
		}
		body := object{"principalId": principal["id"], "resourceId": microsoft["id"], "appRoleId": "df021288-bdef-4463-88db-98f22de89214"}
		to := "/servicePrincipals/" + microsoft["id"].(string) + "/appRoleAssignedTo"
		made, err := g.post(to, body)
		if err != nil {
			return err
		}
		return g.do(http.MethodDelete, to+"/"+made["id"].(string), nil, 204)
	})
}
