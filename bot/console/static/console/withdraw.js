// 更正与撤回: the notice is drafted again when other articles are ticked. What is typed while that comes is not thrown away for
// it, nor is the notice where the answer has none (the login had ended, somebody else has asked meanwhile).
"use strict";
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig, serverResponse } = event.detail;
  if (target.id !== "notice-part") return;
  const typed = document.getElementById("notice").value !== requestConfig.parameters.notice;
  if (typed || !serverResponse.includes('id="notice-part"')) event.detail.shouldSwap = false;
});
