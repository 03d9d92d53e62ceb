// 更正与撤回: the notice is drafted again when other articles are ticked. What a person has written meanwhile or before stays
// untouched, and so does the notice where the answer has none (the login had ended, somebody else has asked meanwhile).
"use strict";
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, serverResponse } = event.detail;
  if (target.id !== "notice-part") return;
  const own = target.querySelector("#notice").value !== target.querySelector("[name=drafted]").value;
  if (own || !serverResponse.includes('id="notice-part"')) event.detail.shouldSwap = false;
});
