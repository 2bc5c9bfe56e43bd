// Starts Swagger UI on /api/docs. A file of its own: the policy allows no script in the page.
"use strict";

const place = document.getElementById("api-docs");

SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  filter: true,
  // Null, or it would send the address of the document to a validator elsewhere.
  validatorUrl: null,
  // Whoever is signed in to the pages may try the doors with that session.
  requestInterceptor: (request) => {
    if (!["GET", "HEAD", undefined].includes(request.method)) {
      request.headers["X-CSRFToken"] = place.dataset.csrfToken;
    }
    return request;
  },
});
